"""Figures for MLflow and the report; the same numbers give the same bytes."""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, ACCENT, PALE = "#22303c", "#0b6e6e", "#c9d6d6"
VERDICTS = {"holds": ACCENT, "refuted": "#b3402e"}


def draw_confusion(pairs: pl.DataFrame) -> "Figure":
    """The confusion matrix of one head on one data set; each row sums to 1, counts are in the cells.

    Args:
        pairs: a row per image, columns ``actual`` and ``predicted``.
    """
    classes = sorted(set(pairs["actual"]) | set(pairs["predicted"]))
    place = {name: index for index, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    for actual, predicted, number in pairs.group_by("actual", "predicted").len().iter_rows():
        counts[place[actual], place[predicted]] = number
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    figure = _figure(1.6 + 0.55 * len(classes), 1.3 + 0.5 * len(classes))
    axes = figure.subplots()
    axes.imshow(shares, cmap="GnBu", vmin=0, vmax=1)
    for (row, column), number in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.6 else INK
        axes.text(column, row, f"{number}", ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted")
    axes.set_ylabel("actual")
    return figure


def draw_reliability(bins: pl.DataFrame) -> "Figure":
    """Accuracy against confidence of one head on one data set; the diagonal is perfect calibration.

    Args:
        bins: columns ``confidence``, ``accuracy`` and ``images``.
    """
    figure = _figure(3, 3)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1)
    sizes = 200 * bins["images"] / bins["images"].sum()
    axes.scatter(bins["confidence"], bins["accuracy"], s=sizes + 4, color=ACCENT, alpha=0.5)
    axes.plot(bins["confidence"], bins["accuracy"], color=ACCENT, linewidth=1)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="accuracy")
    return figure


def draw_claims(claims: pl.DataFrame) -> "Figure":
    """A difference and its interval for each claim, top to bottom, in the colour of what became of it.

    Args:
        claims: a row each, columns ``claim``, ``value``, ``low``, ``high`` and ``verdict``.
    """
    figure = _figure(8, 0.8 + 0.3 * len(claims))
    axes = figure.subplots()
    axes.axvline(0, color=PALE, linewidth=1)
    for place, row in enumerate(claims.iter_rows(named=True)):
        colour = VERDICTS.get(row["verdict"], INK)
        axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1)
        axes.plot([row["value"]], [place], "o", color=colour, markersize=4)
    axes.set_yticks(range(len(claims)), claims["claim"].to_list())
    axes.set_ylim(len(claims) - 0.5, -0.5)
    axes.set_xlabel("difference")
    return figure


def _figure(width: float, height: float) -> "Figure":
    # Imported here: matplotlib takes a second, and whoever trains draws nothing. No pyplot: no global state.
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(
        {"font.size": 8, "axes.edgecolor": INK, "text.color": INK, "svg.hashsalt": "distillery"}
    ):
        return Figure(figsize=(width, height), dpi=110, layout="constrained")
