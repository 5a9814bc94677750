#!/usr/bin/env bash
# The pipeline on real photographs, in a scratch clone: nothing of them ever reaches this repository.
# usage: run.sh <folder with utkface.zip, fer2013.zip, lfw.zip> [seed]; PHOTOS names another place for the scratch clone
set -euo pipefail
packs=$(cd "${1:?give the folder with the packs: make photos BENCH=<folder>}" && pwd)
seed=${2:-0}
here=$(git rev-parse --show-toplevel)
scratch=${PHOTOS:-$here/../photos-$seed}

[ -z "$(git -C "$here" status --porcelain)" ] || echo "note: uncommitted changes are not part of the scratch clone"
[ -d "$scratch/.git" ] || git clone --quiet "$here" "$scratch"
git -C "$scratch" fetch --quiet origin HEAD
git -C "$scratch" reset --quiet --hard FETCH_HEAD
sed "s/^seed: .*/seed: $seed/" "$scratch/benchmarks/photos/params.yaml" >"$scratch/params.yaml"
mkdir -p "$scratch/data/raw"
for pack in utkface fer2013 lfw; do
    if [ ! -d "$scratch/data/raw/$pack" ]; then
        rm -rf "$scratch/.unpacking"
        python -m zipfile -e "$packs/$pack.zip" "$scratch/.unpacking"
        mv "$scratch/.unpacking/$pack" "$scratch/data/raw/$pack"
    fi
done
cd "$scratch"
export PYTHONPATH=$scratch
python -m tasks.support.mending
python -m dvc repro
python -m tasks.support.tracking
python -m tasks.support.closing
