"""The page of the measurements: docs/benchmarks.md from docs/benchmarks.csv, with a picture of each group of ratios."""

import platform
from pathlib import Path

import polars as pl
import torch
from matplotlib import rc_context
from matplotlib.figure import Figure

TITLES = {
    "training": "The training stage over the bare loop",
    "inference": "The ensemble over the bare forward passes",
    "peers: training": "Training over timm's loop",
    "peers: inference": "The ensemble over ttach",
    "peers: weighting": "Cost of head weighting, in libraries that have it",
    "peers: semi-supervised": "A semi-supervised step over semilearn's",
    "augmentation": "What to augment with",
    "precision": "bfloat16 over float32",
    "training parts": "What each part of a training step costs",
    "methods": "What each method costs in a training step",
    "inference parts": "Batches and views a pass",
    "views": "What each view costs",
    "growth": "Growth with the number of images",
    "heads": "Growth with the number of heads",
    "processes": "Rendering by processes",
    "start": "Starting, and doing nothing",
    "memory": "Memory",
}


def write_page(table: pl.DataFrame, page: Path) -> None:
    """The page, and beside it a folder of its pictures."""
    pictures = page.with_suffix("")
    pictures.mkdir(parents=True, exist_ok=True)
    lines = ["# Benchmarks", "", *_opening(), ""]
    for name in sorted(table["group"].unique(), key=list(TITLES).index):
        rows = table.filter(pl.col("group") == name)
        lines += [f"## {TITLES[name]}", ""]
        if rows["ratio"].is_finite().any():
            path = pictures / f"{name.replace(': ', '-').replace(' ', '-')}.svg"
            _draw(rows.filter(pl.col("ratio").is_finite()), path)
            lines += [f"![{TITLES[name]}]({pictures.name}/{path.name})", ""]
        lines += [*_table(rows), ""]
    page.write_text("\n".join(lines))


def _opening() -> list[str]:
    kind = "a CUDA device" if torch.cuda.is_available() else f"{torch.get_num_threads()} CPU threads"
    versions = f"torch {torch.__version__.split('+')[0]}, Python {platform.python_version()}"
    return [
        "`make bench` writes this page, its pictures and `benchmarks.csv` on one machine. What is compared runs by",
        "turns in one process; a ratio is one of medians. Absolute figures are this machine's, and a busy one's.",
        "Among many variants of one thing a difference of less than a tenth is noise.",
        "",
        f"This run: {kind}, {versions}.",
    ]


def _table(rows: pl.DataFrame) -> list[str]:
    lines = ["| case | value | against | reference | ratio | note |", "| --- | --- | --- | --- | --- | --- |"]
    for row in rows.to_dicts():
        reference = _number(row["reference"], row["unit"])
        ratio = "" if row["ratio"] != row["ratio"] else f"{row['ratio']:.2f}"
        value = _number(row["value"], row["unit"])
        lines.append(f"| {row['case']} | {value} | {row['against']} | {reference} | {ratio} | {row['note']} |")
    return lines


def _number(value: float, unit: str) -> str:
    return "" if value != value else f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def _draw(rows: pl.DataFrame, path: Path) -> None:
    """A bar for each ratio, with the line at 1."""
    figure = Figure(figsize=(7.5, 0.6 + 0.32 * len(rows)), layout="constrained")
    axes = figure.subplots()
    cases, ratios = rows["case"].to_list()[::-1], rows["ratio"].to_list()[::-1]
    bars = axes.barh(cases, ratios, color="#4c78a8", height=0.62)
    axes.bar_label(bars, [f"{ratio:.2f}" for ratio in ratios], padding=3, fontsize=8)
    axes.axvline(1, color="#333333", linewidth=1)
    axes.margins(x=0.12)
    axes.set_xlabel("ratio", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    with rc_context({"svg.hashsalt": path.stem}):  # the same figures give the same bytes
        figure.savefig(path, metadata={"Date": None})
