import io
import re
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from distillery.errors import DistilleryError
from distillery.params.sections import Dataset
from distillery.tables import READABLE, read_table
from tasks import manifest
from tasks.manifest import write_manifest
from tests.world import call, edit_params

HEADS = {"expression": {"kind": "classification", "classes": ["happy", "sad"]}}


def picture(colour: int) -> bytes:
    with io.BytesIO() as file:
        Image.new("RGB", (32, 32), (colour, 0, 255 - colour)).save(file, format="PNG")
        return file.getvalue()


@pytest.fixture
def expressions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty images in FER2013's layout."""
    monkeypatch.chdir(tmp_path)
    for index in range(20):
        path = tmp_path / "data/raw/set/train" / ("happy" if index % 2 else "sad") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(index * 10))
    return tmp_path / "data/raw/set/train"


def build(*, bad_share: float = 0.5) -> pl.DataFrame:
    from pydantic import TypeAdapter

    from distillery.heads import Heads

    dataset = Dataset(
        adapter="folders",
        path="data/raw/set",
        domain="web",
        heads={"expression": "class"},
        splits={"train": {"train": 0.8, "val": 0.2}},
    )
    path = write_manifest(
        Path("data/manifest.parquet"),
        {"set": dataset},
        heads=TypeAdapter(Heads).validate_python(HEADS),
        bad_share=bad_share,
        min_side=8,
        max_pixels=1_000_000,
        seed=0,
        threads=2,
    )
    return read_table(path)


def test_damaged_images_are_counted_in_status_and_the_run_goes_on(expressions: Path):
    (expressions / "happy/truncated.png").write_bytes(picture(3)[:60])
    (expressions / "happy/empty.png").write_bytes(b"")
    (expressions / "happy/text.jpg").write_text("no image")
    Image.new("L", (1, 1)).save(expressions / "happy/tiny.png")
    Image.new("L", (2000, 2000)).save(expressions / "happy/huge.png")
    table = build()
    reasons = dict(zip(table["path"].str.split("/").list.last(), table["status"], strict=True))
    assert len(table) == 25
    assert (table["status"] == READABLE).sum() == 20
    assert reasons["empty.png"] == "empty file"
    assert reasons["text.jpg"] == "not an image"
    assert "too small: 1x1" in reasons["tiny.png"]
    assert "too large: 2000x2000" in reasons["huge.png"]
    assert "damaged" in reasons["truncated.png"]


def test_too_many_damaged_images_stop_the_stage_and_write_nothing(expressions: Path):
    (expressions / "happy/empty.png").write_bytes(b"")
    with pytest.raises(DistilleryError, match=r"(?s)'set': .*bad_share 0.01.*1 of 21 .*empty.png: empty file"):
        build(bad_share=0.01)
    assert not Path("data/manifest.parquet").exists()


def test_an_unknown_class_names_the_file_and_what_is_allowed(expressions: Path):
    (expressions / "joyful").mkdir()
    (expressions / "joyful/a.png").write_bytes(picture(7))
    with pytest.raises(DistilleryError, match=r"joyful/a.png: head 'expression': unknown class 'joyful'; allowed"):
        build()


def test_an_empty_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("data/raw/set").mkdir(parents=True)
    with pytest.raises(DistilleryError, match="data/raw/set: holds no image in the layout 'folders'"):
        build()


def test_the_command_answers_a_mistake_in_params_with_its_key(world: Path):
    edit_params(world, lambda params: params["manifest"]["datasets"]["studio"].update(domian="x"))
    output = call(world, "tasks.manifest", check=False)
    assert "manifest.datasets.studio.domian: unknown key" in output
    assert "Traceback" not in output


def test_a_label_outside_its_range_stops_with_its_row(world: Path):
    labels = world / "data/raw/studio/labels.csv"
    pl.read_csv(labels).with_columns(age=pl.lit(400.0)).write_csv(labels)
    output = call(world, "tasks.manifest", check=False)
    assert re.search(r"images/00000.png: head 'age': 400 is outside the range 0 to 100", output)


def test_truth_of_the_target_domain_reaches_only_audit_and_test(world: Path):
    table = read_table(world / "data/manifest.parquet").filter(pl.col("dataset") == "print")
    assert set(table["split"]) == {"unlabelled", "audit", "test"}
    hidden = table.filter(pl.col("split") == "unlabelled")
    assert hidden["expression"].null_count() == len(hidden) > 0
    assert table.filter(pl.col("split") != "unlabelled")["expression"].null_count() == 0


def test_no_identity_is_cut(world: Path):
    table = read_table(world / "data/manifest.parquet")
    assert table.group_by("identity").agg(pl.col("split").n_unique()).get_column("split").max() == 1


def test_stopped_it_decodes_no_finished_part_again(expressions: Path, monkeypatch: pytest.MonkeyPatch):
    wanted = build()
    Path("data/manifest.parquet").unlink()
    monkeypatch.setattr(manifest, "PART", 8)
    decode, decoded = manifest.name_images, []

    def watch(part, **how):
        if len(decoded) == 2:
            raise KeyboardInterrupt
        decoded.append([Path(path).name for path, _ in part])
        return decode(part, **how)

    monkeypatch.setattr(manifest, "name_images", watch)
    with pytest.raises(KeyboardInterrupt):
        build()
    first = decoded.copy()
    changed = next(path for path in expressions.rglob(first[1][0]))
    changed.write_bytes(picture(255))
    monkeypatch.setattr(manifest, "name_images", lambda part, **how: (decoded.append(part), decode(part, **how))[1])
    table = build()
    assert [len(part) for part in first] == [8, 8]
    assert len(decoded) == 4, "the part with the changed file and the last one, not the first"
    same = table["path"] != str(changed.relative_to(Path.cwd()))
    assert table.filter(same).equals(wanted.filter(same))
    assert not list(Path(".checkpoints").iterdir())
