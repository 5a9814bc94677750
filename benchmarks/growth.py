"""How time grows: with images, heads, threads and processes; what merely starting a stage or doing nothing costs."""

import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from PIL import Image

from benchmarks.rows import Row, row
from benchmarks.setting import network, params, store, training_stage
from distillery.faces.camera import Camera
from distillery.faces.rendering import Series, render_faces
from distillery.heads import Classification, Detection, Heads, Regression
from distillery.images.adapters import Sighting
from distillery.images.manifest import Source, assign_splits, label_rows, name_images
from distillery.images.shards import write_shard
from distillery.images.store import ImageStore
from distillery.images.twins import find_twins
from distillery.labelling.calibration.fit import UNCALIBRATED
from distillery.labelling.pseudo_labels import Plan, select
from distillery.parquet import GROUP
from distillery.tables import READABLE, predictions_schema, read_table, write_table
from tasks.support.selecting import make_rule
from tests.world import call, make_world

STAGES = ("manifest", "images", "ledger", "teacher", "views", "predictions", "pseudo_labels", "evaluation", "few_shot")
STAGES += ("promotion", "report")


def measure() -> Iterator[Row]:
    """Rows of the groups ``growth``, ``heads``, ``processes`` and ``start``."""
    yield from _tables()
    yield from _decoding()
    yield from _twins()
    yield from _heads()
    yield from _rendering()
    yield from _start()


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _rate(group: str, case: str, count: int, act: Callable[[], object]) -> Row:
    return row(group, f"{case}, {count:,} images", count / _seconds(act), unit="images/s")


def _tables() -> Iterator[Row]:
    heads = params().distilled
    sections = params().pseudo_labels.heads
    rules = {name: [make_rule(rule, dict)([]) for rule in sections[name].rules] for name in heads}
    plans = {name: Plan(UNCALIBRATED, [("rule", weigh) for weigh in fitted]) for name, fitted in rules.items()}
    source = Source(name="s", domain="d", shares={"all": {"train": 0.8, "test": 0.2}}, spellings={})
    for count in (10**3, 10**4, 10**5, 10**6):
        predictions = _predictions(heads, count)
        placed = predictions.with_columns(domain=pl.lit("d"))
        yield _rate("growth", "selection by thresholds", count, partial(_select, placed, heads, plans))
        with tempfile.TemporaryDirectory() as name:
            path, schema = Path(name) / "predictions.parquet", predictions_schema(heads)
            yield _rate(
                "growth", "writing predictions", count, partial(write_table, predictions.to_arrow(), schema, path)
            )
            yield _rate("growth", "reading predictions", count, partial(read_table, path))
    for count in (10**3, 10**4, 10**5):
        yield _rate("growth", "manifest rows and splits", count, partial(_manifest, source, count, heads))


def _select(predictions: pl.DataFrame, heads: Heads, plans: Mapping[str, Plan]) -> None:
    for part in predictions.iter_slices(GROUP):  # as the stage reads them
        select(part, heads, plans)


def _manifest(source: Source, count: int, heads: Heads) -> None:
    sightings = (Sighting(path=Path(f"{index}.png"), identity=str(index // 10)) for index in range(count))
    rows = label_rows(source, sightings, heads).drop_columns("status")
    images = pa.array([f"{index:032x}" for index in range(count)])
    rows = rows.append_column("image", images).append_column("status", pa.array([READABLE] * count))
    assign_splits(rows, [source], heads, 0)


def _predictions(heads: Heads, count: int) -> pl.DataFrame:
    schema, random = predictions_schema(heads), np.random.default_rng(0)
    columns: dict[str, pa.Array] = {"image": pa.array([f"{i:032x}" for i in range(count)])}
    columns["views"] = pa.array(np.full(count, 6, dtype=np.int16))
    for field in list(schema)[2:]:
        width = field.type.list_size if pa.types.is_fixed_size_list(field.type) else 0
        values = pa.array(random.random(count * max(1, width), dtype=np.float32))
        columns[field.name] = pa.FixedSizeListArray.from_arrays(values, width) if width else values
    return pl.DataFrame(pa.table(columns, schema=schema))


def _decoding() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(25, 0).repeat(25, 1)
        for index in range(2000):
            Image.fromarray(np.roll(noise, index, axis=0)).save(folder / f"{index}.jpg", quality=90)
        files = [(str(folder / f"{index}.jpg"), None) for index in range(2000)]
        for threads in (1, 2):
            with ThreadPoolExecutor(threads) as pool:
                act = partial(name_images, files, min_side=16, max_pixels=10**7, pool=pool)
                yield _rate("growth", f"decode and name 200 px JPEG, {threads} threads", 2000, act)
        pixels = np.zeros((4096, 64, 64, 3), dtype=np.uint8)
        for quality in (None, 92):
            images = ((str(index), image) for index, image in enumerate(pixels))
            act = partial(write_shard, folder / "x.arrow", images, size=64, quality=quality, fingerprint="")
            yield _rate("growth", f"write the store, {'pixels' if quality is None else 'JPEG'}", 4096, act)


def _twins() -> Iterator[Row]:
    """Near duplicates of a tenth of the images among the others; noise of 8 x 8 squares, at 32 pixels."""
    draw = np.random.default_rng(0)
    for count in (10**3, 10**4, 10**5):
        pixels = (draw.integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1) for _ in range(count))
        with tempfile.TemporaryDirectory() as name:
            named = ((str(index), image) for index, image in enumerate(pixels))
            write_shard(Path(name) / "0.arrow", named, size=32, quality=None, fingerprint="")
            names, measured = pl.Series([str(index) for index in range(count)]), np.arange(count) % 10 == 0
            kept, others = names.filter(pl.Series(~measured)), names.filter(pl.Series(measured))
            act = partial(find_twins, ImageStore(Path(name)), kept, others, similarity=0.96)
            yield _rate("growth", "near duplicates", count, act)


def _heads() -> Iterator[Row]:
    rates = {}
    for count in (1, 6, 24):
        heads: Heads = {}
        for index in range(count):
            match index % 3:
                case 0:
                    head = Classification(kind="classification", classes=("a", "b", "c"))
                case 1:
                    head = Detection(kind="detection", elements=tuple(f"e{i}" for i in range(16)))
                case _:
                    head = Regression(kind="regression", outputs=("x",), range=(0, 1), bins=21)
            heads[f"h{index}"] = head
        act = training_stage(network(heads=heads), store(64), steps=6, batch=128, heads=heads)
        act()
        rates[count] = 6 * 128 / _seconds(act)
        yield row("heads", f"{count} heads", rates[count], unit="images/s", against="1 head", reference=rates[1])


def _rendering() -> Iterator[Row]:
    camera = Camera(**params().faces.domains["studio"].camera)
    series = Series(domain="studio", camera=camera, emotions="basic", people=16, images=512, size=64, seed=0)
    rates = {}
    for processes in (1, 2):
        faces = render_faces(series, processes=processes)
        rates[processes] = 512 / _seconds(partial(deque, faces, maxlen=0))
        yield row(
            "processes",
            f"rendering, {processes}",
            rates[processes],
            unit="images/s",
            against="1 process",
            reference=rates[1],
            note="start of the processes included",
        )


def _start() -> Iterator[Row]:
    for stage in STAGES:
        start = partial(subprocess.run, [sys.executable, "-c", f"import tasks.{stage}"], check=True)
        seconds = min(_seconds(start) for _ in range(3))
        yield row("start", f"import of {stage}", seconds, unit="s")
    with tempfile.TemporaryDirectory() as name:
        world = make_world(Path(name) / "world")
        for case in ("everything, 168 images: mostly starting", "nothing to do"):
            yield row("start", f"small world, {case}", _seconds(partial(call, world, "dvc", "repro")), unit="s")
