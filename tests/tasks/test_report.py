"""The report over a toy of two rounds, made by the project's own writers: complete, honest, offline, the same twice."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import yaml

from distillery.heads import Classification, Detection, names
from distillery.images.shards import write_shard
from distillery.labelling.calibration.fit import UNCALIBRATED, calibrate_head
from distillery.labelling.calibration.labelled import Labelled
from distillery.labelling.pseudo_labels import Plan, select
from distillery.networks.card import Card
from distillery.networks.model import new_network, save_model
from distillery.params import Params, validate
from distillery.tables import (
    ledger_schema,
    manifest_schema,
    predictions_schema,
    pseudo_labels_schema,
    read_table,
    write_table,
)
from tasks import report
from tasks.promotion import write_promotion
from tasks.support import paths, pool
from tasks.support.selecting import make_rule, tabulate_calibrations

ROOT = Path(__file__).parents[2]
COUNT, SIZE = 40, 8
ODD = "units"
ELEMENTS = ["<b>AU1 & more</b>", "AU2", "AU4"]
HEADS = {
    "age": {"kind": "regression", "outputs": ["years"], "range": [0, 100], "bins": 5},
    "gender": {"kind": "classification", "classes": ["male", "female"]},
    ODD: {"kind": "detection", "elements": ELEMENTS},
}
SPLITS = ["train", "test", "unlabelled", "audit"]
FLIPPED = "image003"  # in the pool: of another gender in r2 than in r1


def toy_params(**changes: object) -> Params:
    found = yaml.safe_load((ROOT / "params.yaml").read_text())
    labels = {"age": ["age"], "gender": "gender", ODD: ["AU1", "AU2", "AU4"]}
    lab = {"adapter": "table", "path": "data/raw/lab", "table": "l.csv", "domain": "studio", "heads": labels}
    street = {**lab, "path": "data/raw/street", "domain": "print"}
    found["manifest"]["datasets"] = {
        "lab": {**lab, "splits": {"all": {"train": 0.5, "test": 0.5}}},
        "street": {**street, "splits": {"all": {"unlabelled": 0.4, "audit": 0.4, "test": 0.2}}},
    }
    for section in ("teacher", "student"):
        found[section]["mixing"] = {"lab": 1}
    sure, close = {"kind": "threshold", "least": 0.75}, {"kind": "narrow", "width": 10, "spread": None}
    rules = {"age": close, "gender": sure, ODD: sure}
    found["pseudo_labels"]["heads"] = {name: {"rules": [rule], "targets": "soft"} for name, rule in rules.items()}
    found |= {"heads": HEADS, "rounds": {"r1": {"teacher": "r0"}, "r2": {"teacher": "r1"}}}
    found["promotion"]["groups"] = ["age", "gender"]
    found["tracking"]["licences"] = {}
    found["report"] = {"title": "Toy & <faces>", "gallery": 6}
    return validate({**found, **changes}, "toy")


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(tmp_path)
    params = toy_params()
    write_pool(params)
    for number, key in enumerate(["r0", *params.rounds]):
        write_round(key, params, gain=0.05 * number, audited=key != "r0")
    write_promotion(params)
    return params


def write_pool(params: Params) -> None:
    draw = np.random.default_rng(0)
    images = [f"image{number:03d}" for number in range(COUNT)]
    paths.IMAGES.parent.mkdir(parents=True)
    pixels = draw.integers(0, 255, (COUNT, SIZE, SIZE, 3), dtype=np.uint8)
    named = zip(images, pixels, strict=True)
    write_shard(paths.IMAGES / "00000.arrow", named, size=SIZE, quality=None, fingerprint="")
    where = ["lab" if number % 4 == 0 else "street" for number in range(COUNT)]
    genders = [("male", "female")[number // 4 % 2] for number in range(COUNT)]
    columns = {
        "image": images,
        "path": images,
        "dataset": pa.array(where).dictionary_encode(),
        "domain": pa.array(["studio" if name == "lab" else "print" for name in where]).dictionary_encode(),
        "split": pa.array([SPLITS[number % 4] for number in range(COUNT)]).dictionary_encode(),
        "identity": images,
        "status": ["ok"] * COUNT,
        "age": [[30.0]] * COUNT,
        "gender": pa.array(genders).dictionary_encode(),
        ODD: [[True, None, False]] * COUNT,
    }
    write_table(pa.table(columns), manifest_schema(params.heads), paths.MANIFEST)
    twin = {"dataset": "lab", "split": "train", "twin_dataset": "street", "twin_split": "test", "mirrored": False}
    rows = [
        {**twin, "image": images[0], "twin": images[9], "kind": "near", "similarity": 0.97, "kept_out": True},
        {**twin, "image": images[4], "twin": images[13], "kind": "crop", "similarity": 0.99, "kept_out": True},
        {**twin, "image": images[8], "twin": images[8], "kind": "exact", "similarity": 1.0, "kept_out": False},
    ]
    write_table(pl.DataFrame(rows).to_arrow(), ledger_schema(), paths.LEDGER)
    shares = [("identity", 1.0), ("scale 0.93", 0.875), ("flip", 0.9)]
    order = [
        {"views": count, "view": view, "head": name, "relative": share, "mean_relative": share}
        for count, (view, share) in enumerate(shares, start=1)
        for name in ("age", "gender")
    ]
    pl.DataFrame(order).write_csv(paths.VIEWS)


def write_round(key: str, params: Params, *, gain: float, audited: bool) -> None:
    """``gain`` is what the round adds to every score; the head age loses it."""
    heads, scores, audit, confusion, reliability, groups = params.heads, [], [], [], [], []
    for dataset, domain in (("lab", "studio"), ("street", "print")):
        for name, head in heads.items():
            place = {"dataset": dataset, "domain": domain, "head": name}
            metric = {"age": "ccc", "gender": "balanced_accuracy", ODD: "f1_macro"}[name]
            value = 0.6 - gain if name == "age" else 0.6 + gain
            for way in ("one_view", "ensemble"):
                row = {"metric": metric, "value": value, "low": value - 0.02, "high": value + 0.02, "images": 10}
                scores += [{**place, "way": way, **row}]
                scores += [{**place, "way": way, **row, "metric": "mae", "value": 7.5}] if name == "age" else []
            if isinstance(head, Classification):
                pairs = [("male", "male"), ("male", "female"), ("female", "female")]
                confusion += [{**place, "actual": a, "predicted": p} for a, p in pairs]
                reliability += [{**place, "confidence": 0.8, "accuracy": 0.7, "images": 3.0}]
            if audited and dataset == "street":
                what = "mae" if name == "age" else "precision"
                facts = {what: 0.9, f"{what}_without_selection": 0.7, "yield": 0.5, "audited": 5.0}
                audit += [{**place, "metric": m, "value": v, "low": v, "high": float("nan")} for m, v in facts.items()]
                shown = {what: 0.9, "yield": 0.25 if key == "r2" else 0.5, "audited": 7.0}
                group = {**place, "by": "gender", "group": "<i>male</i>"}
                groups += [{**group, "metric": m, "value": v, "low": v, "high": v} for m, v in shown.items()]
    curves = {
        f"{what}/{name}": [1.0, 0.5] for what in ("train_loss", "weight", "val_loss", "val_score") for name in heads
    }
    history = pl.DataFrame({"epoch": [1, 2], "learning_rate": [0.1, 0.1], **curves})
    folder = paths.evaluation(key)
    folder.mkdir(parents=True)
    tables = {"scores": scores, "confusion": confusion, "reliability": reliability, "audit": audit, "history": history}
    tables |= {"groups": groups, "draws": [], "test_groups": []}
    for what, rows in tables.items():
        pl.DataFrame(rows).write_csv(folder / f"{what}.csv")
    paths.metrics(key).write_text("{}")
    write_card(key, params)
    if key != "r0":
        write_labels(key, params)


def write_card(key: str, params: Params) -> None:
    shape = {"backbone": "compact", "width": 0.25, "dropout": 0.0, "stochastic_depth": 0.0, "size": 32}
    card = Card(heads=params.heads, **shape, provenance={"params": f"hash-{key}"})
    paths.model(key).mkdir(parents=True)
    save_model(paths.model(key), new_network(card), card)


def write_labels(key: str, params: Params) -> None:
    draw = np.random.default_rng(1)
    images = [f"image{number:03d}" for number in range(COUNT) if number % 4 != 1]
    columns: dict[str, object] = {"image": images, "views": [3] * len(images)}
    for name, head in params.heads.items():
        width = len(names(head))
        sure = np.arange(len(images)) // 3 % 2 == 0
        values = np.where(sure[:, None], 0.9, 0.6) + draw.uniform(0, 0.05, (len(images), width))
        if isinstance(head, Classification):
            values[:, 1] = 1 - values[:, 0]
            if key == "r2":
                values[images.index(FLIPPED)] = values[images.index(FLIPPED), ::-1]
        other = "agreement" if isinstance(head, Classification | Detection) else "variance"
        columns[name] = hide_labelled(values.tolist())
        columns[f"{name}_std"] = hide_labelled([[0.1] * width] * len(images))
        spread = np.where(sure, 20.0, 200.0) if other == "variance" else np.full(len(images), 0.8)
        wide = spread if isinstance(head, Classification) else spread[:, None].repeat(width, axis=1)
        columns[f"{name}_{other}"] = hide_labelled(wide.tolist())
    predictions = paths.predictions(key) / "00000.parquet"
    write_table(pa.table(columns), predictions_schema(params.heads), predictions)
    rules = {name: make_rule(one.rules[0], lambda: np.ones(1))([]) for name, one in params.pseudo_labels.heads.items()}
    plans = {name: Plan(UNCALIBRATED, [("rule", weigh)]) for name, weigh in rules.items()}
    table = select(read_table(predictions).with_columns(domain=pl.lit("news")), params.heads, plans)
    write_table(table, pseudo_labels_schema(params.heads), paths.pseudo_labels(key))
    truth = np.arange(COUNT) % 2
    chances = np.stack([truth * 0.4 + 0.3, 0.7 - truth * 0.4], axis=1)[:, None]
    people, domains = np.arange(COUNT), np.full(COUNT, "<studio>")
    known = Labelled(chances, (1 - truth)[:, None], np.ones((COUNT, 1), dtype=bool), people, domains)
    plans |= {"gender": Plan(calibrate_head(known, "temperature", least=10), [])}
    paths.calibration(key).mkdir()
    for what, found in zip(("errors", "reliability"), tabulate_calibrations(plans), strict=True):
        found.write_csv(paths.calibration(key) / f"{what}.csv")


def hide_labelled(cells: list) -> list:
    """The second, ``image002``, is a labelled cell in the pool: no prediction, and no place in the gallery."""
    return [cells[0], None, *cells[2:]]


def test_page_shows_every_head_and_round(params: Params) -> None:
    page = report.write_report(paths.REPORT, params).read_text()
    for key in ("r0", "r1", "r2"):
        assert f"<tr><td>{key}</td><td><code>hash-{key}</code></td></tr>" in page
    for name in ("age", "gender", "units"):
        assert f"<td>{name}</td>" in page
        assert f"<h3>{name} <span>audit images" in page
    # Three kept and three refused of each head, and the one that flipped; their views are all as much of one mind.
    assert page.count("<figure") == page.count("data:image/jpeg") == 3 * 6 + 1


def test_what_flipped_between_rounds_is_counted_and_shown(params: Params) -> None:
    page = report.write_report(paths.REPORT, params).read_text()
    row = '<tr><td>{}</td><td class="n">{}</td><td class="n">{}</td>'
    # Nineteen images of the pool have empty cells, and image003 is one of them.
    assert row.format("gender", 19, "5.3%") in page
    assert row.format("units", 3 * 19, "0.0%") in page
    assert row.format("age", 19, "±0.000") in page
    part = page.split("<h3>gender <span>audit images")[1].split("<h3>")[0]
    assert part.split('<div class="flipped">')[1].count("<figure") == 1
    alone = toy_params(rounds={"r1": {"teacher": "r0"}})
    write_promotion(alone)
    page = report.write_report(paths.REPORT, alone).read_text()
    assert "What changed its mind" not in page
    assert 'value="flipped"' not in page and 'class="flipped"' not in page


def test_yields_are_told_by_class(params: Params) -> None:
    page = report.write_report(paths.REPORT, params).read_text()
    row = '<tr><td>{}</td><td class="n">{}</td><td class="n">{}</td></tr>'
    part = page.split("<h4>gender <span>threshold")[1].split("</details>")[0]
    kept = int(re.search(r"<td>male</td><td class=\"n\">(\d+) of 19</td>", part)[1])  # type: ignore[index]
    assert row.format("male", f"{kept} of 19", f"{kept - 1} of 18") in part
    assert '<td>female</td><td class="n">0 of 0</td><td class="n">' in part


def test_what_confidence_means_is_shown_before_and_after(params: Params) -> None:
    page = report.write_report(paths.REPORT, params).read_text()
    part = page.split("What confidence means")[1].split("<details")[0]
    assert "<h4>gender <span>in &lt;studio&gt;, temperature, 40 cells</span></h4><svg" in part
    assert '<td>calibration error</td><td class="n">0.300</td><td class="n">0.0' in part
    assert part.count("<polyline") == 2
    assert "age" not in part


def test_with_too_few_labels_to_calibrate_nothing_is_shown(params: Params) -> None:
    for name in ("errors", "reliability"):
        path = paths.calibration("r2") / f"{name}.csv"
        path.write_text(path.read_text().splitlines()[0] + "\n")
    assert "What confidence means" not in report.write_report(paths.REPORT, params).read_text()


def test_who_is_thrown_away_is_told_of_the_last_round(params: Params) -> None:
    page = report.write_report(paths.REPORT, params).read_text()
    assert page.count("<td>gender</td><td>&lt;i&gt;male&lt;/i&gt;</td>") == 3
    assert "0.250 [0.250, 0.250]" in page and "0.500 [0.500, 0.500]" not in page.split("Who is thrown away")[1]


def test_page_opens_offline(params: Params) -> None:
    page = report.write_report(paths.REPORT, params).read_text()
    assert "http" not in page
    assert "<script" not in page
    assert "@import" not in page
    assert "<link" not in page
    assert all(found.startswith(("data:", "#")) for found in re.findall(r'(?:src|href)="([^"]*)"', page))


def test_same_artefacts_give_same_bytes(params: Params) -> None:
    first = report.write_report(paths.REPORT, params).read_bytes()
    assert report.write_report(Path("again"), params).read_bytes() == first


def test_text_from_artefacts_is_escaped(params: Params) -> None:
    page = report.write_report(paths.REPORT, params).read_text()
    assert "<title>Toy &amp; &lt;faces&gt;</title>" in page
    assert "<b>AU1" not in page


def test_loss_is_shown_as_plainly_as_gain(params: Params) -> None:
    page = report.write_report(paths.REPORT, params).read_text()
    assert page.count('<td class="n worse">−0.100</td>') == 2
    assert page.count('<td class="n better">+0.100</td>') == 4
    assert '<b class="better">+0.033</b>' in page  # the mean over the target's three heads


def test_only_pool_images_are_shown(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    positions = pool.ImageStore.positions

    def listen(store: pool.ImageStore, images: list[str]) -> np.ndarray:
        asked.extend(images)
        return positions(store, images)

    monkeypatch.setattr(pool.ImageStore, "positions", listen)
    # More than there are audit images: then all of the pool is shown.
    report.write_report(paths.REPORT, toy_params(report={"title": "Toy", "gallery": 30}))
    assert asked
    assert {SPLITS[int(name[-3:]) % 4] for name in asked} == {"unlabelled", "audit"}
    assert "image002" not in asked  # its cells are labelled


def test_note_stands_only_with_rendered_faces(params: Params) -> None:
    assert "not evidence about people" in report.write_report(paths.REPORT, params).read_text()
    photographs = params.model_copy(update={"faces": params.faces.model_copy(update={"domains": {}})})
    assert "not evidence about people" not in report.write_report(paths.REPORT, photographs).read_text()


def test_works_without_audit_and_with_nothing_kept(params: Params) -> None:
    for key in params.rounds:
        (paths.evaluation(key) / "audit.csv").write_text("\n")
    page = report.write_report(paths.REPORT, params).read_text()
    assert page.count("No audit: its truth is not known in the pool.") == 3


def test_teacher_alone_makes_a_page(params: Params) -> None:
    alone = toy_params(rounds={})
    write_promotion(alone)
    page = report.write_report(paths.REPORT, alone).read_text()
    assert "no student yet" in page
    assert "r1" not in re.sub(r"<style>.*?</style>", "", page, flags=re.S)


def test_twins_are_told_where_the_numbers_come_from(params: Params) -> None:
    page = report.write_report(paths.REPORT, params).read_text()
    for how in ("the same picture", "cut out of it, or it of this"):
        row = (
            f'<td>lab, train</td><td>street, test</td><td>{how}</td><td class="n">1</td><td class="better">kept out of'
        )
        assert row in page
    assert "1 further files are exact copies" in page
    write_table(ledger_schema().empty_table(), ledger_schema(), paths.LEDGER)
    assert "No image that is learnt from has a near duplicate" in report.write_report(paths.REPORT, params).read_text()


def test_the_worth_of_views_is_drawn_by_head_and_told_in_order(params: Params) -> None:
    page = report.write_report(paths.REPORT, params).read_text()
    assert "the least loss is with 2." in page
    assert '<td class="n">2</td><td>scale 0.93</td><td class="n">0.875</td>' in page
    assert "age: loss over that of one view, by number of views" in page


def test_folders_of_removed_rounds_are_not_read(params: Params) -> None:
    fewer = toy_params(rounds={"r1": {"teacher": "r0"}})
    write_promotion(fewer)
    page = report.write_report(paths.REPORT, fewer).read_text()
    assert "hash-r1" in page
    assert "hash-r2" not in page


def test_main_prints_the_target_and_where_the_page_is(params: Params, capsys: pytest.CaptureFixture[str]) -> None:
    report.main(params)
    printed = capsys.readouterr().out
    assert "champion: r0; data/promotion.json says why" in printed
    assert "gender" in printed
    assert "+0.100" in printed
    assert "lab" not in printed.replace("label", "")
    assert "data/report/index.html" in printed
