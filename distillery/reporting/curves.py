"""How each round learnt: losses, the validation score, the heads' weights and the couplings over epochs."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from distillery.heads import LearntHeads
from distillery.reporting.lines import Line, draw_curves

# What validation scores; accuracy where it is another kind.
SCORES = {"regression": "mean absolute error", "identification": "share whose nearest image is of the same person"}


@dataclass(frozen=True, kw_only=True)
class Curve:
    head: str
    loss: Markup
    score: Markup
    score_name: str
    weight: Markup | None  # where it changes


@dataclass(frozen=True, kw_only=True)
class Learning:
    """A round's curves, by head and by coupling."""

    heads: list[Curve]
    couplings: list[tuple[str, Markup]]


def describe_learning(histories: Mapping[str, pl.DataFrame], heads: LearntHeads) -> dict[str, Learning]:
    """By round, how it learnt.

    Args:
        histories: by round, a row per epoch: ``epoch``, by head ``train_loss/<head>``, ``weight/<head>``,
            ``val_loss/<head>`` and ``val_score/<head>``, by coupling ``coupling/<coupling>``.
        heads: say what the score is.
    """
    return {key: _learning(table, key, heads) for key, table in histories.items()}


def _learning(history: pl.DataFrame, key: str, heads: LearntHeads) -> Learning:
    couplings = [column for column in history.columns if column.startswith("coupling/")]
    drawn = [draw_curves([_line(history, column, "new")], label=f"{key}, {column} by epoch") for column in couplings]
    named = [column.removeprefix("coupling/") for column in couplings]
    return Learning(
        heads=[_curve(history, name, key, heads) for name in heads], couplings=list(zip(named, drawn, strict=True))
    )


def _curve(history: pl.DataFrame, name: str, key: str, heads: LearntHeads) -> Curve:
    score = SCORES.get(heads[name].kind, "accuracy")
    trained, checked = _line(history, f"train_loss/{name}", "old"), _line(history, f"val_loss/{name}", "new")
    return Curve(
        head=name,
        loss=draw_curves([trained, checked], label=f"{key}, {name}: loss by epoch"),
        score=draw_curves([_line(history, f"val_score/{name}", "new")], label=f"{key}, {name}: {score} by epoch"),
        score_name=score,
        weight=_weight(history, name, key),
    )


def _weight(history: pl.DataFrame, name: str, key: str) -> Markup | None:
    column = f"weight/{name}"
    if history[column].n_unique() == 1:
        return None
    return draw_curves([_line(history, column, "new")], label=f"{key}, {name}: weight by epoch")


def _line(history: pl.DataFrame, column: str, style: str) -> Line:
    return Line(name=column, style=style, points=list(history.select("epoch", column).iter_rows()))
