"""Trains every variant of study.yaml for every seed, in a scratch clone: ``python -m benchmarks.study --help``.

Each is the pipeline's own teacher and its evaluation, run by DVC: what a former call has done, and what it was stopped
in, is not done again. Scores go to docs/study.csv, a page of them to docs/study.md.
"""

import argparse
import copy
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from benchmarks.study.page import primary_scores, write_page

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TABLE, PAGE = ROOT / "docs/study.csv", ROOT / "docs/study.md"
TARGET = "teacher_evaluation"
SCORES = Path("data/rounds/r0/evaluation/scores.csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clone", type=Path, default=ROOT.parent / "study", help="the scratch clone")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", help="of the variants")
    options = parser.parse_args()
    study = yaml.safe_load((HERE / "study.yaml").read_text())
    wanted = options.only or list(study["variants"])
    _refresh(options.clone)
    for seed in options.seeds:
        for variant in wanted:
            print(f"study: {variant}, seed {seed}", flush=True)
            scores = primary_scores(run_variant(options.clone, study["base"], study["variants"][variant], seed))
            keep(scores.with_columns(variant=pl.lit(variant), seed=pl.lit(seed, dtype=pl.Int64)), TABLE)
    write_page(pl.read_csv(TABLE), study["claims"], PAGE)


def run_variant(clone: Path, base: Mapping[str, Any], changes: Mapping[str, Any], seed: int) -> pl.DataFrame:
    """The scores of one variant's teacher."""
    params = yaml.safe_load((clone / "benchmarks/study/params.yaml").read_text())
    for more in (base, changes, {"seed": seed}):
        params = merge(params, more)
    (clone / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    environment = {**os.environ, "PYTHONPATH": str(clone)}
    for command in (["tasks.support.mending"], ["dvc", "repro", TARGET]):
        subprocess.run([sys.executable, "-m", *command], cwd=clone, env=environment, check=True)
    return pl.read_csv(clone / SCORES)


def merge(params: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with some changed, section by section; the given ones stay as they are."""
    merged = copy.deepcopy(dict(params))
    for key, value in changes.items():
        inner = merged.get(key)
        merged[key] = merge(inner, value) if isinstance(value, Mapping) and isinstance(inner, Mapping) else value
    return merged


def _refresh(clone: Path) -> None:
    """The clone at this repository's last commit, its parameters beside those of the variants."""
    if not (clone / ".git").is_dir():
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    for command in (["fetch", "--quiet", "origin", "HEAD"], ["reset", "--quiet", "--hard", "FETCH_HEAD"]):
        subprocess.run(["git", *command], cwd=clone, check=True)
    (clone / "benchmarks/study/params.yaml").write_text((clone / "params.yaml").read_text())


def keep(scores: pl.DataFrame, table: Path) -> None:
    """Put the rows of a variant and seed into a table, in the place of those that it has of them."""
    if table.is_file():
        former = pl.read_csv(table, schema_overrides=scores.schema)
        scores = pl.concat([former.join(scores, on=["variant", "seed"], how="anti"), scores.select(former.columns)])
    scores.write_csv(table)


if __name__ == "__main__":
    main()
