"""Emotions, basic and compound, and the facial action units that show them: words that several rooms speak."""

from functools import cache
from pathlib import Path

import polars as pl

NEUTRAL = "neutral"  # in no table: a neutral face shows no unit
# How the first word of a compound names its emotion.
ADVERBS = {
    "happily": "happy",
    "sadly": "sad",
    "fearfully": "fearful",
    "angrily": "angry",
    "disgustedly": "disgusted",
}


@cache
def units_by_emotion() -> dict[str, dict[str, float]]:
    """By emotion, basic or compound, its action units: 1 where prototypical, else the share of people that show it.

    Source: Du, Tao, Martinez, PNAS 2014 (111(15), E1454), table 1.
    """
    table = pl.read_csv(Path(__file__).with_name("emotions.csv"), comment_prefix="#")
    groups = table.partition_by("emotion", maintain_order=True)
    return {group["emotion"][0]: dict(group.select("unit", "share").iter_rows()) for group in groups}


@cache
def components() -> dict[str, tuple[str, str]]:
    """By compound emotion of two words, the two that it is made of: happily surprised is happy and surprised."""
    pairs = {name: name.split() for name in units_by_emotion() if " " in name}
    return {name: (ADVERBS[first], second) for name, (first, second) in pairs.items()}
