"""The page of the study: what each variant scored, and what became of the claims."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from distillery.metrics import PRIMARY

WAY = "ensemble"
GROUPS = {"seen domains": ("studio", "webcam"), "print (never labelled)": ("print",), "compounds": ("compound",)}
ENOUGH = 3  # seeds for a verdict
HEAD = """# What the methods are worth

Made by `python -m benchmarks.study` from [study.yaml](../benchmarks/study/study.yaml): one teacher for each variant
and seed (another seed is other rendered people, too), no distillation. Values are means over heads of the primary
metric on test splits (balanced accuracy, macro F1, concordance), by the ensemble of views; ± is the standard deviation
over seeds. Rendered faces, a narrow network and a thousand steps: what is true here need not be true of photographs.
"""


def write_page(scores: pl.DataFrame, claims: Mapping[str, Sequence[str]], path: Path) -> None:
    """Write the page; of a claim only the seeds count that both variants have."""
    means = mean_scores(scores)
    lines = [HEAD, f"| variant | seeds | {' | '.join(GROUPS)} |", f"| --- | --- |{' --- |' * len(GROUPS)}"]
    for variant in scores["variant"].unique(maintain_order=True):
        of = means.filter(pl.col("variant") == variant)
        cells = [_spread(of.filter(pl.col("group") == group)["value"]) for group in GROUPS]
        lines.append(f"| {variant} | {of['seed'].n_unique()} | {' | '.join(cells)} |")
    lines += [
        "",
        "## The claims",
        "",
        "| claim | domain | difference | better in | |",
        "| --- | --- | --- | --- | --- |",
    ]
    for claim, (better, than) in claims.items():
        for group in list(GROUPS)[:2]:
            pairs = paired(means.filter(pl.col("group") == group), better, than)
            if len(pairs):
                won = int((pairs > 0).sum())
                verdict = _verdict(won, len(pairs))
                lines.append(f"| {claim} | {group} | {_spread(pairs, sign=True)} | {won} of {len(pairs)} | {verdict} |")
    path.write_text("\n".join(lines) + "\n")


def primary_scores(scores: pl.DataFrame) -> pl.DataFrame:
    """The rows of the primary metrics by the ensemble."""
    return scores.filter((pl.col("way") == WAY) & pl.col("metric").is_in(set(PRIMARY.values())))


def mean_scores(scores: pl.DataFrame) -> pl.DataFrame:
    """By variant, seed and group of data sets: the mean over data sets and heads of the primary metric."""
    primary = primary_scores(scores)
    group = pl.lit(None, dtype=pl.String)
    for name, datasets in GROUPS.items():
        group = pl.when(pl.col("dataset").is_in(datasets)).then(pl.lit(name)).otherwise(group)
    grouped = primary.with_columns(group=group).drop_nulls("group")
    return grouped.group_by("variant", "seed", "group", maintain_order=True).agg(pl.col("value").mean())


def paired(means: pl.DataFrame, better: str, than: str) -> pl.Series:
    """The difference in each seed that both have."""
    first, second = (means.filter(pl.col("variant") == name).select("seed", "value") for name in (better, than))
    joined = first.join(second, on="seed", suffix="_than", maintain_order="left")
    return joined["value"] - joined["value_than"]


def _verdict(won: int, seeds: int) -> str:
    if seeds < ENOUGH:
        return "too few seeds"
    return "holds" if won == seeds else "refuted" if won == 0 else "open"


def _spread(values: pl.Series, *, sign: bool = False) -> str:
    mean, deviation = values.mean(), values.std()
    if mean is None:
        return ""
    shown = f"{mean:+.3f}" if sign else f"{mean:.3f}"
    return shown if deviation is None else f"{shown} ± {deviation:.3f}"
