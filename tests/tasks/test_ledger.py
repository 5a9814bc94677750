from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from distillery.params import Params
from distillery.tables import ledger_schema, read_table, write_table
from tasks import images, manifest
from tasks.ledger import main
from tasks.student import train_student
from tasks.support import paths
from tasks.teacher import train_teacher
from tests.world import contents

TEACHER, STUDENT = (Path(f"models/{key}/weights.safetensors") for key in ("r0", "r1"))


def _first(split: str, dataset: str) -> dict:
    here = (pl.col("split") == split) & (pl.col("dataset") == dataset)
    return read_table(paths.MANIFEST, only=here).row(0, named=True)


def _keep_out(image: str, *, kept_out: bool = True) -> None:
    row = {"image": [image], "dataset": "d", "split": "train", "kind": "near", "twin": "t", "twin_dataset": "d"}
    row |= {"twin_split": "test", "similarity": 0.99, "mirrored": False, "kept_out": kept_out}
    write_table(pl.DataFrame(row).to_arrow(), ledger_schema(), paths.LEDGER)


def test_rendered_faces_have_no_twins(world: Path, params: Params):
    before = paths.LEDGER.read_bytes()
    assert read_table(paths.LEDGER, schema=ledger_schema()).is_empty()
    main(params)
    assert paths.LEDGER.read_bytes() == before


def test_a_planted_crop_is_listed_if_crops_are_looked_for(world: Path, params: Params):
    test, train = _first("test", "print"), _first("train", "studio")
    picture = Image.open(test["path"]).convert("RGB")
    side = picture.width
    cut = picture.crop((side // 12, 0, side, side - side // 12)).resize((side, side))
    cut.save(train["path"])
    manifest.main(params)
    images.main(params)
    main(params)
    assert read_table(paths.LEDGER, schema=ledger_schema()).is_empty()
    main(params.model_copy(update={"ledger": params.ledger.model_copy(update={"crops": True})}))
    found = read_table(paths.LEDGER, schema=ledger_schema())
    best = found.sort("similarity", descending=True).select("dataset", "split", "kind", "twin", "mirrored", "kept_out")
    assert best.row(0) == ("studio", "train", "crop", test["image"], False, True)


def test_a_planted_twin_and_a_planted_copy_are_listed(world: Path, params: Params, capsys: pytest.CaptureFixture[str]):
    test, train, two = _first("test", "print"), _first("train", "studio"), _first("train", "webcam")
    pixels = np.asarray(Image.open(test["path"]).convert("RGB")).astype(int)
    Image.fromarray(np.clip(pixels * 0.8 + 20, 0, 255).astype(np.uint8)[:, ::-1]).save(train["path"])
    (Path(two["path"]).parent / "copy.png").write_bytes(Path(two["path"]).read_bytes())
    table = Path("data/raw/webcam/labels.csv")
    line = next(line for line in table.read_text().splitlines() if Path(two["path"]).name in line)
    table.write_text(table.read_text() + line.replace(Path(two["path"]).name, "copy.png") + "\n")
    manifest.main(params)
    images.main(params)
    main(params)
    found = read_table(paths.LEDGER, schema=ledger_schema())
    near = found.filter(pl.col("kind") == "near")
    assert near.select("dataset", "split", "twin", "twin_dataset", "twin_split", "mirrored", "kept_out").rows() == [
        ("studio", "train", test["image"], "print", "test", True, True)
    ]
    exact = found.filter(pl.col("kind") == "exact").row(0, named=True)
    assert exact["image"] == exact["twin"] == two["image"]
    assert exact["split"] == exact["twin_split"] == "train", "copies share a split"
    printed = capsys.readouterr().out
    assert "ledger: 1 images that are learnt from have a near duplicate among the measured ones" in printed
    assert "ledger:   1 of studio, train, with a twin in print, test: kept out of training" in printed
    test, audit = _first("test", "print"), _first("audit", "print")
    pixels = np.asarray(Image.open(test["path"]).convert("RGB")).astype(int)
    Image.fromarray(np.clip(pixels * 0.9, 0, 255).astype(np.uint8)).save(audit["path"])
    manifest.main(params)
    images.main(params)
    main(params)
    near = read_table(paths.LEDGER).filter(pl.col("kind") == "near")
    assert ("audit", "test") in near.select("split", "twin_split").rows(), "a student learns from audit images too"
    lenient = params.model_copy(update={"ledger": params.ledger.model_copy(update={"keep_out": False})})
    main(lenient)
    assert not read_table(paths.LEDGER)["kept_out"].any()


def test_what_is_kept_out_reaches_no_weight_and_what_is_only_listed_changes_none(world: Path, params: Params):
    train, pool = _first("train", "studio"), _first("unlabelled", "print")
    before = TEACHER.read_bytes(), STUDENT.read_bytes()
    _keep_out(train["image"], kept_out=False)
    train_teacher(params)
    assert TEACHER.read_bytes() == before[0]
    _keep_out(train["image"])
    train_teacher(params)
    without = contents(TEACHER)
    assert without != {TEACHER.name: before[0]}
    path = paths.MANIFEST
    table = read_table(path)
    from distillery.tables import manifest_schema

    gone = table.filter(pl.col("image") != train["image"])
    _keep_out("nobody")
    write_table(gone.to_arrow(), manifest_schema(params.heads), path)
    train_teacher(params)
    assert contents(TEACHER) == without, "as if it were not there"
    write_table(table.to_arrow(), manifest_schema(params.heads), path)
    _keep_out(pool["image"])
    train_student(params, "r1")
    assert STUDENT.read_bytes() != before[1]
