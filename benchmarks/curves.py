"""Precision against yield of each selection policy, on the audit split: what a round's predictions allow.

    python -m benchmarks.curves <round> <name>

Run where the round has been predicted. Writes ``docs/curves/<name>.csv`` and a picture: a line for each policy that has
a threshold, a mark for one that has none. The audit measures here; nothing is chosen by it.
"""

import sys
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from distillery.heads import Heads, Regression
from tasks.support.command import read_params
from tasks.support.what_if import compare

FOLDER = Path("docs/curves")
LEAST = tuple(float(f"{value:.3g}") for value in np.linspace(0.2, 0.99, 41))
SHARES = tuple(float(f"{value:.3g}") for value in np.linspace(0.05, 1, 20))
COLUMNS = 3
LINES = ("threshold", "flex match", "top k", "uncertainty", "narrow")


def main(key: str, name: str) -> None:
    params = read_params()
    rows = []
    for row in compare(key, params, least=LEAST, shares=SHARES):
        rules = str(row["rules"])
        alone = ", then " not in rules
        policy = rules.split(" (")[0] if alone else "debiased, then threshold"
        rows.append({**row, "policy": policy + (", balanced" if "balanced" in rules else "")})
    table = pl.DataFrame(rows, infer_schema_length=None).filter(pl.col("audited").is_not_null())
    FOLDER.mkdir(parents=True, exist_ok=True)
    shown = table.select("head", "policy", "rules", "now", "kept", "balance", "expected", "audited", "cells")
    shown.write_csv(FOLDER / f"{name}.csv", float_precision=4)
    draw(table, params.distilled, FOLDER / f"{name}.svg")


def draw(table: pl.DataFrame, heads: Heads, path: Path) -> None:
    """A square for each head that an audit knows."""
    known = table["head"].unique(maintain_order=True).to_list()
    rows = -(-len(known) // COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, 3.4 * rows + 0.8), layout="constrained")
    squares = figure.subplots(rows, COLUMNS, squeeze=False).flat
    policies = table["policy"].unique(maintain_order=True).to_list()
    for axes, name in zip(squares, known, strict=False):
        right = "mean error" if isinstance(heads[name], Regression) else "precision"
        axes.set(title=name, xlabel="cells that are kept", ylabel=f"{right} on the audit split", xlim=(0, 1.02))
        _draw_head(axes, table.filter(pl.col("head") == name), policies)
    for axes in squares[len(known) :]:
        axes.remove()
    figure.legend(*_labels(figure), loc="outside lower center", ncols=5, frameon=False, fontsize="small")
    figure.savefig(path, metadata={"Date": None})


def _draw_head(axes: Axes, part: pl.DataFrame, policies: list[str]) -> None:
    for (policy,), rows in part.filter(~pl.col("now")).group_by("policy", maintain_order=True):
        line = "-" if policy.startswith((*LINES, "debiased")) else ""
        colour = f"C{policies.index(policy) % 10}"
        ordered = rows.sort("kept")
        axes.plot(
            ordered["kept"], ordered["audited"], f"{line}o", color=colour, markersize=3 if line else 7, label=policy
        )
    now = part.filter(pl.col("now"))
    axes.plot(now["kept"], now["audited"], "k*", markersize=11, label="params.yaml")


def _labels(figure: Figure) -> tuple[list, list]:
    found = {label: mark for axes in figure.axes for mark, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    return list(found.values()), list(found)


if __name__ == "__main__":
    main(*sys.argv[1:3])
