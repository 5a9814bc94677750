#!/usr/bin/env bash
# The pipeline on digits, printed and written: beyond faces, by parameters alone. In a scratch clone.
# usage: run.sh [seed]; DIGITS names another place for the scratch clone
set -euo pipefail
source "$(dirname "$0")/../scratch.sh"
seed=${1:-0}
enter_scratch "${DIGITS:-$(git rev-parse --show-toplevel)/../digits-$seed}" benchmarks/digits/params.yaml "$seed"
[ -d data/raw/written ] || python -m benchmarks.digits.data data/raw
run_pipeline
