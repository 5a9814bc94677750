#!/bin/sh
# Fill .peers/ at the root with the pinned peers; the project's own environment stays as it is.
set -eu
cd "$(dirname "$0")/../.."
PYTHON="${PYTHON:-.venv/bin/python}"
UV="${UV:-.uv/bin/uv}"
"$UV" pip install --quiet --python "$PYTHON" --target .peers --no-deps -r benchmarks/peers/requirements.txt
