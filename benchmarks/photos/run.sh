#!/usr/bin/env bash
# The pipeline, or the study, on real photographs, in a scratch clone: nothing of them ever reaches this repository.
# usage: run.sh <folder with utkface.zip, fer2013.zip, lfw.zip> [<seed>|study]; PHOTOS names another place for the clone
set -euo pipefail
source "$(dirname "$0")/../scratch.sh"
packs=$(cd "${1:?give the folder with the packs: make photos BENCH=<folder>}" && pwd)
what=${2:-0}
seed=${what/study/0}
enter_scratch "${PHOTOS:-$(git rev-parse --show-toplevel)/../photos-$what}" benchmarks/photos/params.yaml "$seed"
for pack in utkface fer2013 lfw; do
    if [ ! -d "data/raw/$pack" ]; then
        rm -rf .unpacking
        python -m zipfile -e "$packs/$pack.zip" .unpacking
        mv ".unpacking/$pack" "data/raw/$pack"
    fi
done
if [ "$what" = study ]; then
    cp benchmarks/photos/study.yaml study/params.yaml
    run_study
else
    run_pipeline
fi
