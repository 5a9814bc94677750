import csv
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distillery.faces.camera import Camera
from distillery.faces.rendering import Series
from tasks import faces


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def _write(folder: Path, camera: Camera, seed: int = 7, images: int = 5) -> Path:
    series = Series(domain="studio", camera=camera, emotions="basic", people=2, images=images, size=16, seed=seed)
    return faces.write_faces(folder, series)


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_pictures_and_labels_belong_together(tmp_path: Path, camera: Camera, capsys):
    folder = _write(tmp_path / "studio", camera)
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [f"images/0000{k}.png" for k in range(5)]
    assert list(rows[0])[:6] == ["path", "identity", "age", "gender", "race", "expression"]
    assert all(np.asarray(Image.open(folder / row["path"])).shape == (16, 16, 3) for row in rows)
    assert "faces studio: 5 of 5 images" in capsys.readouterr().out


def test_writing_again_replaces_the_folder_by_the_same_bytes(tmp_path: Path, camera: Camera):
    once = _contents(_write(tmp_path / "studio", camera))
    (tmp_path / "studio" / "stale.png").write_bytes(b"old")
    again = _contents(_write(tmp_path / "studio", camera))
    assert again == once
    assert _contents(_write(tmp_path / "studio", camera, seed=8))["images/00000.png"] != once["images/00000.png"]


def test_stopped_it_goes_on_with_the_next_batch_and_what_was_there_stays(tmp_path: Path, camera: Camera, monkeypatch):
    before = _contents(_write(tmp_path / "studio", camera, seed=6))
    wanted = _contents(_write(tmp_path / "undisturbed", camera, images=70))
    render, firsts = faces.render_faces, []

    def cut(series: Series, *, first: int, **how):
        firsts.append(first)
        yield from islice(render(series, first=first, **how), 1)
        if not first:
            raise KeyboardInterrupt

    monkeypatch.setattr(faces, "render_faces", cut)
    with pytest.raises(KeyboardInterrupt):
        _write(tmp_path / "studio", camera, images=70)
    assert _contents(tmp_path / "studio") == before
    assert _contents(_write(tmp_path / "studio", camera, images=70)) == wanted
    assert firsts == [0, 1]
    assert not list(Path(".checkpoints").iterdir())


def test_a_batch_that_a_crash_left_damaged_is_rendered_again(tmp_path: Path, camera: Camera, monkeypatch):
    wanted = _contents(_write(tmp_path / "undisturbed", camera))

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(faces, "_write_labels", stop)
    with pytest.raises(KeyboardInterrupt):
        _write(tmp_path / "studio", camera)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    picture = next(Path(".checkpoints").rglob("00003.png"))
    picture.write_bytes(picture.read_bytes()[:20])
    assert _contents(_write(tmp_path / "studio", camera)) == wanted
