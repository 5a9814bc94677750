#!/usr/bin/env bash
# The pipeline, or a study, on real photographs, in a scratch clone: nothing of them ever reaches this repository.
# usage: run.sh <folder with utkface.zip, fer2013.zip, lfw.zip> [<seed>|<study: a file beside this one>]
# PHOTOS names another place for the clone
set -euo pipefail
source "$(dirname "$0")/../scratch.sh"
packs=$(cd "${1:?give the folder with the packs: make photos BENCH=<folder>}" && pwd)
what=${2:-0}
case $what in *[!0-9]*) seed=0 ;; *) seed=$what ;; esac
enter_scratch "${PHOTOS:-$(git rev-parse --show-toplevel)/../photos-$what}" benchmarks/photos/params.yaml "$seed"
for pack in utkface fer2013 lfw; do
    if [ ! -d "data/raw/$pack" ]; then
        rm -rf .unpacking
        python -m zipfile -e "$packs/$pack.zip" .unpacking
        mv ".unpacking/$pack" "data/raw/$pack"
    fi
done
if [ "$what" = "$seed" ]; then
    run_pipeline
else
    cp "benchmarks/photos/$what.yaml" study/params.yaml
    run_study
fi
