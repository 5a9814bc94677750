"""Confirmation bias: a network that learns its own mistakes is surer of them (Arazo et al., IJCNN 2020)."""

from itertools import pairwise

import polars as pl


def find_alarms(part: pl.DataFrame) -> list[str]:
    """Where confirmation bias shows: from one round to the next the kept are surer, and right less often than before by
    more than the interval allows.

    Args:
        part: one head's audit on one data set, columns of ``results.AUDIT``, in the order of the rounds.
    """
    by_round: dict[str, dict[str, float]] = {}
    for row in part.to_dicts():
        found = by_round.setdefault(row["round"], {})
        found |= {row["metric"]: row["value"], f"most {row['metric']}": row["high"]}
    alarms = []
    for (before, old), (after, new) in pairwise(by_round.items()):
        if "confidence" in new and new["confidence"] > old["confidence"] and new["most precision"] < old["precision"]:
            sure, right = (f"{old[what]:.3f} to {new[what]:.3f}" for what in ("confidence", "precision"))
            where = f"{part['head'][0]} on {part['dataset'][0]}, {before} to {after}"
            alarms.append(f"{where}: confidence rose from {sure} while precision fell from {right}")
    return alarms
