"""Emotions, basic and compound, and the facial action units that show them: words that several rooms speak."""

import csv
from functools import cache
from pathlib import Path

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
    found: dict[str, dict[str, float]] = {}
    with Path(__file__).with_name("emotions.csv").open(newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            found.setdefault(row["emotion"], {})[row["unit"]] = float(row["share"])
    return found


@cache
def components() -> dict[str, tuple[str, str]]:
    """By compound emotion of two words, the two that it is made of: happily surprised is happy and surprised."""
    pairs = {name: name.split() for name in units_by_emotion() if " " in name}
    return {name: (ADVERBS[first], second) for name, (first, second) in pairs.items()}
