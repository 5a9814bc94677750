"""How each round learnt: losses and the validation score over epochs."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from distillery.heads import Heads, Regression
from distillery.reporting.lines import Line, draw_curves


@dataclass(frozen=True, kw_only=True)
class Curve:
    head: str
    loss: Markup
    score: Markup
    score_name: str


def describe_learning(histories: Mapping[str, pl.DataFrame], heads: Heads) -> dict[str, list[Curve]]:
    """By round, each head's curves.

    Args:
        histories: by round, a row per epoch: ``epoch``, and by head ``train_loss/<head>``, ``val_loss/<head>`` and
            ``val_score/<head>``.
        heads: say what the score is.
    """
    return {key: [_curve(table, name, key, heads) for name in heads] for key, table in histories.items()}


def _curve(history: pl.DataFrame, name: str, key: str, heads: Heads) -> Curve:
    score = "mean absolute error" if isinstance(heads[name], Regression) else "accuracy"
    trained, checked = _line(history, f"train_loss/{name}", "old"), _line(history, f"val_loss/{name}", "new")
    return Curve(
        head=name,
        loss=draw_curves([trained, checked], label=f"{key}, {name}: loss by epoch"),
        score=draw_curves([_line(history, f"val_score/{name}", "new")], label=f"{key}, {name}: {score} by epoch"),
        score_name=score,
    )


def _line(history: pl.DataFrame, column: str, style: str) -> Line:
    return Line(name=column, style=style, points=list(history.select("epoch", column).iter_rows()))
