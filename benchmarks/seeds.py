"""Teacher against the last round over seeds: ``python -m benchmarks.seeds CLONE CLONE ...`` prints a Markdown table.

Each clone ran the pipeline with another seed. Values are means over the seeds, with the sample standard deviation.
"""

import sys
from pathlib import Path

import polars as pl

SHOWN = ("accuracy", "balanced_accuracy", "balanced_accuracy_among", "f1_macro", "mae", "ccc")
KEY = ["dataset", "head", "metric", "way"]


def main(clones: list[Path]) -> None:
    table = pl.concat([_scores(clone) for clone in clones])
    teacher, student = table.filter(pl.col("round") == "r0"), table.filter(pl.col("round") != "r0")
    paired = teacher.join(student, on=[*KEY, "clone"], suffix="_student")
    paired = paired.with_columns(change=pl.col("value_student") - pl.col("value"))
    print(f"| data set | head | metric | by | teacher | student | change | better in (of {len(clones)}) |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for key, rows in paired.group_by(KEY, maintain_order=True):
        better = rows["change"] < 0 if str(key[2]).startswith("mae") else rows["change"] > 0
        cells = [_spread(rows[column]) for column in ("value", "value_student", "change")]
        print("| " + " | ".join([*map(str, key), *cells, str(better.sum())]) + " |")


def _scores(clone: Path) -> pl.DataFrame:
    """The first and the last round that the clone's params.yaml names."""
    import yaml

    rounds = ["r0", *yaml.safe_load((clone / "params.yaml").read_text())["rounds"]]
    parts = []
    for name in (rounds[0], rounds[-1]):
        scores = pl.read_csv(clone / "data/rounds" / name / "evaluation/scores.csv")
        parts.append(scores.with_columns(round=pl.lit(name), clone=pl.lit(str(clone))))
    return pl.concat(parts).filter(pl.col("metric").is_in(SHOWN))


def _spread(values: pl.Series) -> str:
    sign = "+" if values.name == "change" else ""
    deviation = values.std() if len(values) > 1 else None
    digits = 2 if values.abs().max() >= 2 else 3  # type: ignore[operator]
    return f"{values.mean():{sign}.{digits}f}" + ("" if deviation is None else f" ± {deviation:.{digits}f}")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
