"""What an adaptive ensemble saves: its passes and the pseudo-labels that stay the same, against the full one.

    python -m benchmarks.saving <model folder> <manifest> <images> <name>

Run where params.yaml is that of the data. Every view of the list predicts the pool and the validation split once; the
stage's own rule and thresholds then choose among these answers. A pseudo-label is the same if it is kept or refused as
with all views and, kept, is of the same class; the pilot, which all views see, is not counted. Writes
``docs/saving/<name>.csv`` and a picture.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from distillery.heads import Heads, Regression
from distillery.images.store import ImageStore
from distillery.labelling.adaptive import Adaptive, AdaptivePredictor
from distillery.labelling.deciding import Decider
from distillery.labelling.ensemble import Answers
from distillery.labelling.predictor import Predictor
from distillery.labelling.views import View
from distillery.networks.model import load_model
from distillery.params import Params
from distillery.params.selection import Narrow, Threshold
from distillery.tables import POOL, READABLE, read_table
from tasks.predictions import empty_cells
from tasks.support.command import read_params
from tasks.support.inference import inference
from tasks.support.machine import prepare_machine

FOLDER = Path("docs/saving")
SAME = (0.95, 0.97, 0.98, 0.985, 0.99, 0.993, 0.995, 0.996, 0.997, 0.998, 0.999)
PILOT, IMAGES = 512, 6000
VIEWS = [
    View("identity"),
    View("flip"),
    *(View("scale", factor) for factor in (0.93, 1.07, 0.86, 1.14)),
    *(View("shift", offset) for offset in ((0.04, 0.0), (-0.04, 0.0), (0.0, 0.04), (0.0, -0.04))),
    *(View("rotation", degrees) for degrees in (6.0, -6.0, 3.0, -3.0)),
    View("brightness", 1.15),
    View("contrast", 1.2),
    *(View("scale", factor) for factor in (0.9, 1.1)),
    *(View("shift", offset) for offset in ((0.03, 0.03), (-0.03, -0.03), (0.03, -0.03), (-0.03, 0.03))),
    *(View("rotation", degrees) for degrees in (9.0, -9.0)),
    *(View("scale", factor) for factor in (0.96, 1.04)),
    View("blur", 0.5),
    View("brightness", 0.87),
]
COUNTS = (6, 12, 18, len(VIEWS))


class Stored:
    """Answers to all views, in the place of a network."""

    def __init__(self, images: pl.Series, answers: Mapping[str, Answers]) -> None:
        self._places = {image: place for place, image in enumerate(images)}
        self._answers = answers

    def answer_all(self, images: pl.Series, views: Sequence[View]) -> dict[str, Answers]:
        rows, some = [self._places[image] for image in images], [VIEWS.index(view) for view in views]
        return {
            name: Answers(each.values[some][:, rows], None if each.own is None else each.own[some][:, rows])
            for name, each in self._answers.items()
        }


def thresholds(params: Params) -> dict[str, float]:
    """Where the heads' selections cut; other rules than a threshold and a width are not looked at."""
    found = {}
    for name, section in params.pseudo_labels.heads.items():
        for rule in section.rules:
            if isinstance(rule, Threshold):
                found[name] = rule.least
            elif isinstance(rule, Narrow) and rule.width is not None:
                found[name] = rule.width
    return found


def compare(stored: Stored, wanted: pl.DataFrame, heads: Heads, around: Mapping[str, float]) -> Iterator[dict]:
    """A row for each number of views and each share that is asked for."""
    deciders = {name: Decider(head, around.get(name)) for name, head in heads.items()}
    for count in COUNTS:
        views = VIEWS[:count]
        answers = stored.answer_all(wanted["image"], views)
        full = {
            name: decider.decide(decider.moments(*answers[name].numpy()).mean(axis=0))
            for name, decider in deciders.items()
        }
        for same in SAME:
            how = Adaptive(same=same, pilot=PILOT, around=around)
            predictor = AdaptivePredictor(stored, heads, views, how, how.pilot_of(wanted))  # type: ignore[arg-type]
            answer = predictor.predict(wanted)
            found, used = answer.columns, answer.views
            rest = ~wanted["image"].is_in(how.pilot_of(wanted)["image"].implode()).to_numpy()
            kept = [
                (decider.decide(_means(decider, found[name])).outcome == full[name].outcome)[
                    wanted[name].to_numpy() & rest
                ]
                for name, decider in deciders.items()
            ]
            yield {
                "views": count,
                "asked": same,
                "same": float(np.concatenate([values.ravel() for values in kept]).mean()),
                "passes": float(used[rest].mean()) / count,
                "passes_with_pilot": float(used.mean()) / count,
                "images": len(wanted),
            }


def _means(decider: Decider, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Of columns of the predictions table."""
    mean = columns["mean"]
    is_number = isinstance(decider.head, Regression)
    return np.concatenate([mean, mean**2 + columns["variance"]], axis=1) if is_number else mean


def draw(table: pl.DataFrame, path: Path) -> None:
    """Pseudo-labels that stay the same by passes, a line for each number of views."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for (count,), part in table.group_by("views", maintain_order=True):
        axes.plot(part["passes"] * 100, part["same"] * 100, "o-", markersize=3, label=f"of {count} views")
    axes.axhline(99.5, color="grey", linewidth=0.8, linestyle="--")
    axes.axvline(40, color="grey", linewidth=0.8, linestyle="--")
    axes.set(
        xlabel="forward passes, % of the full ensemble's", ylabel="pseudo-labels that stay the same, %", xlim=(0, 100)
    )
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main(model: Path, manifest: Path, images: Path, name: str) -> None:
    params = read_params()
    prepare_machine(params)
    network, _ = load_model(model)
    section = params.predictions.model_copy(update={"views": ()})
    usable = (pl.col("status") == READABLE) & pl.col("split").is_in(("val", *POOL))
    rows = read_table(manifest, ["image", "domain", "split", "status", *params.distilled], only=usable)
    wanted = empty_cells(rows, params.distilled)
    wanted = wanted.sample(min(IMAGES, len(wanted)), seed=0)
    predictor = Predictor(network, params.distilled, ImageStore(images), inference(section, params.device, network))
    stored = Stored(wanted["image"], predictor.answer_all(wanted["image"], VIEWS))
    table = pl.DataFrame(list(compare(stored, wanted, params.distilled, thresholds(params))))
    FOLDER.mkdir(parents=True, exist_ok=True)
    table.write_csv(FOLDER / f"{name}.csv", float_precision=4)
    draw(table, FOLDER / f"{name}.svg")
    for row in table.filter(pl.col("same") >= 0.995).group_by("views", maintain_order=True).first().to_dicts():
        print(f"{name}: of {row['views']} views {row['passes']:.0%} of the passes, {row['same']:.2%} the same")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), sys.argv[4])
