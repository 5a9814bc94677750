import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks import faces


def _write(folder: Path, camera_values: dict[str, float], seed: int = 7) -> Path:
    return faces.write_faces(folder, domain="studio", camera=camera_values, people=2, images=5, size=16, seed=seed)


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_pictures_and_labels_belong_together(tmp_path: Path, camera_values, capsys):
    folder = _write(tmp_path / "studio", camera_values)
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [f"images/0000{k}.png" for k in range(5)]
    assert list(rows[0])[:6] == ["path", "identity", "age", "gender", "race", "expression"]
    assert all(np.asarray(Image.open(folder / row["path"])).shape == (16, 16, 3) for row in rows)
    assert "faces studio: 5 of 5 images" in capsys.readouterr().out


def test_writing_again_replaces_the_folder_by_the_same_bytes(tmp_path: Path, camera_values):
    once = _contents(_write(tmp_path / "studio", camera_values))
    (tmp_path / "studio" / "stale.png").write_bytes(b"old")
    again = _contents(_write(tmp_path / "studio", camera_values))
    assert again == once
    assert _contents(_write(tmp_path / "studio", camera_values, seed=8))["images/00000.png"] != once["images/00000.png"]


def test_an_interruption_leaves_what_was_there_and_nothing_else(tmp_path: Path, camera_values, monkeypatch):
    before = _contents(_write(tmp_path / "studio", camera_values))

    def interrupted(**_):
        yield np.zeros((1, 16, 16, 3), np.uint8), [{"identity": "studio-0000"}]
        raise KeyboardInterrupt

    monkeypatch.setattr(faces, "render_faces", interrupted)
    for folder in ("studio", "fresh"):
        with pytest.raises(KeyboardInterrupt):
            _write(tmp_path / folder, camera_values)
    assert [path.name for path in tmp_path.iterdir()] == ["studio"]
    assert _contents(tmp_path / "studio") == before
