"""The evaluation's tables of all rounds, one below the other, and the metric that stands for a head."""

from collections.abc import Mapping

import polars as pl

from distillery.heads import AnyHead
from distillery.metrics.names import AMONG, PRIMARY

_PLACE = {"round": pl.String(), "dataset": pl.String(), "domain": pl.String(), "head": pl.String()}
_INTERVAL = {"metric": pl.String(), "value": pl.Float64(), "low": pl.Float64(), "high": pl.Float64()}
SCORES = pl.Schema({**_PLACE, "way": pl.String(), **_INTERVAL, "images": pl.Int64()})
CONFUSION = pl.Schema({**_PLACE, "actual": pl.String(), "predicted": pl.String()})
RELIABILITY = pl.Schema({**_PLACE, "confidence": pl.Float64(), "accuracy": pl.Float64(), "images": pl.Float64()})
AUDIT = pl.Schema({**_PLACE, **_INTERVAL})
GROUPS = pl.Schema({**_PLACE, "by": pl.String(), "group": pl.String(), **_INTERVAL})
TEST_GROUPS = pl.Schema(
    {**_PLACE, "by": pl.String(), "group": pl.String(), "value": pl.Float64(), "images": pl.Int64()}
)
DRAWS = pl.Schema({**_PLACE, "draw": pl.Int64(), "value": pl.Float64()})
WAY = "ensemble"  # of the two ways in which a network is tested, the one by which rounds are compared


def stack_rounds(tables: Mapping[str, pl.DataFrame], schema: pl.Schema) -> pl.DataFrame:
    """One table of every round's rows, with their ``round``; a table without rows may lack its columns."""
    named = [table.with_columns(round=pl.lit(key)) for key, table in tables.items() if len(table)]
    return pl.concat([schema.to_frame(), *[table.select(schema.names()).cast(schema) for table in named]])


def primary_scores(scores: pl.DataFrame, heads: Mapping[str, AnyHead]) -> pl.DataFrame:
    """The rows by which networks are compared: each head's ``primary_metric`` on each data set, by the ensemble.

    Args:
        scores: columns ``dataset``, ``head``, ``metric`` and ``way``.
    """
    by_kind = pl.col("head").replace_strict({name: PRIMARY[head.kind] for name, head in heads.items()})
    some_are_missing = (pl.col("metric") == AMONG).any().over("dataset", "head")
    primary = pl.when(some_are_missing).then(pl.lit(AMONG)).otherwise(by_kind)
    return scores.filter((pl.col("way") == WAY) & (pl.col("metric") == primary))


def by_place(table: pl.DataFrame) -> list[tuple[str, str, str, pl.DataFrame]]:
    """Data set, domain, head and rows of each part, in the order of the table."""
    parts = table.partition_by("dataset", "head", maintain_order=True) if len(table) else []
    return [(part["dataset"][0], part["domain"][0], part["head"][0], part) for part in parts]
