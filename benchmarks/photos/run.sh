#!/usr/bin/env bash
# The pipeline on real photographs, in a scratch clone: nothing of them ever reaches this repository.
# usage: run.sh <folder with utkface.zip, fer2013.zip, lfw.zip> [seed]
set -euo pipefail
packs=$(cd "${1:?give the folder with the packs: make photos BENCH=<folder>}" && pwd)
seed=${2:-0}
here=$(git rev-parse --show-toplevel)
scratch=${PHOTOS:-$here/../photos-$seed}

if [ ! -d "$scratch" ]; then
    git clone --quiet "$here" "$scratch"
    sed "s/^seed: .*/seed: $seed/" "$scratch/benchmarks/photos/params.yaml" >"$scratch/params.yaml"
fi
for pack in utkface fer2013 lfw; do
    [ -d "$scratch/data/raw/$pack" ] || python -m zipfile -e "$packs/$pack.zip" "$scratch/data/raw/"
done
cd "$scratch"
export PYTHONPATH=$scratch
python -m dvc repro
python -m tasks.support.tracking
echo "the scratch clone, with its report: $scratch/data/report/index.html"
