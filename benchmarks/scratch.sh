# Sourced by the pipelines on other data: a scratch clone of this repository with parameters of its own.
# The data never reach this repository; what was computed in the clone before is used again.

# usage: enter_scratch <folder> <parameters, in the repository> <seed>
enter_scratch() {
    local here
    here=$(git rev-parse --show-toplevel)
    [ -z "$(git -C "$here" status --porcelain)" ] || echo "note: uncommitted changes are not part of the scratch clone"
    [ -d "$1/.git" ] || git clone --quiet "$here" "$1"
    git -C "$1" fetch --quiet origin HEAD
    git -C "$1" reset --quiet --hard FETCH_HEAD
    sed "s/^seed: .*/seed: $3/" "$1/$2" >"$1/params.yaml"
    cd "$1"
    export PYTHONPATH=$PWD
    mkdir -p data/raw
}

run_pipeline() {
    python -m tasks.support.mending
    python -m dvc repro
    python -m tasks.support.tracking
    python -m tasks.support.closing
}

run_study() {
    python -m tasks.support.mending
    python -m dvc repro study/dvc.yaml:claims
}
