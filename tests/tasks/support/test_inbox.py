from pathlib import Path

import pytest
from PIL import Image

from distillery.errors import DistilleryError
from distillery.images.adapters import read_dataset
from tasks.support.inbox import declare_dataset, left_alone, new_images_in, take_images, unreadable


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three images, two of them the same, and a text."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "inbox"
    folder.mkdir()
    for name, grey in (("a.png", 10), ("b.PNG", 90), ("again.png", 10)):
        Image.new("L", (20, 20), grey).save(folder / name)
    (folder / "read.me").write_text("no image")
    return folder


def _take(inbox: Path) -> int:
    arrived = new_images_in(inbox, "street")
    take_images(arrived)
    return len(arrived)


def test_images_are_copied_once_and_the_adapter_finds_them(inbox: Path):
    (inbox / "link.png").symlink_to(inbox / "read.me")
    (inbox / "folder.png").mkdir()
    assert _take(inbox) == 2
    assert _take(inbox) == 0
    assert len(list(inbox.iterdir())) == 6, "nothing is moved"
    Image.new("L", (20, 20), 200).save(inbox / "late.png")
    assert _take(inbox) == 1
    document: dict = {"manifest": {"datasets": {}}}
    declare_dataset(document, "street", "phone")
    declared = document["manifest"]["datasets"]["street"]
    found = list(read_dataset(declared["adapter"], Path(declared["path"]), heads=declared["heads"]))
    assert len(found) == 3
    assert {sighting.split for sighting in found} == set(declared["splits"])


def test_a_data_set_of_that_name_stays_what_it_is(inbox: Path):
    document: dict = {"manifest": {"datasets": {}}}
    declare_dataset(document, "street", "phone")
    declare_dataset(document, "street", "phone")
    with pytest.raises(DistilleryError, match=r"manifest\.datasets\.street is another data set, or of another domain"):
        declare_dataset(document, "street", "camera")


def test_a_folder_without_an_image_is_named(inbox: Path, tmp_path: Path):
    with pytest.raises(DistilleryError, match="nowhere: no such folder"):
        new_images_in(tmp_path / "nowhere", "street")
    nested = tmp_path / "nested"
    (nested / "within").mkdir(parents=True)
    with pytest.raises(DistilleryError, match="nested: holds no image"):
        new_images_in(nested, "street")


def test_what_lies_there_and_is_not_looked_into_is_named(inbox: Path):
    (inbox / "within").mkdir()
    (inbox / "link.png").symlink_to(inbox / "a.png")
    (inbox / "phone.heic").touch()
    (inbox / ".hidden").touch()
    said = {path.name: why for path, why in left_alone(inbox).items()}
    assert set(said) == {"within", "link.png", "phone.heic", "read.me"}
    assert said["link.png"] == "a link"
    assert "directly in the inbox" in said["within"]
    assert (
        said["phone.heic"]
        == said["read.me"]
        == "no file named .bmp, .gif, .jpeg, .jpg, .pgm, .png, .ppm, .tif, .tiff, .webp"
    )


def test_an_empty_inbox_waits(tmp_path: Path):
    (tmp_path / ".hidden").touch()
    assert new_images_in(tmp_path, "street") == {}


def test_an_image_that_is_still_being_written_is_not_taken(inbox: Path):
    arrived = new_images_in(inbox, "street")
    (inbox / "b.PNG").write_bytes(b"more")
    with pytest.raises(DistilleryError, match=r"b\.PNG: changed while it was copied"):
        take_images(arrived)
    assert len(new_images_in(inbox, "street")) == 1, "the other was taken, this one will be"


def test_what_is_no_image_is_named_with_what_is_wrong(inbox: Path):
    (inbox / "text.jpg").write_text("hello")
    (inbox / "empty.png").touch()
    Image.new("L", (20, 4), 10).save(inbox / "flat.png")
    faults = unreadable(new_images_in(inbox, "street"), min_side=8, max_pixels=1000)
    assert {path.name: fault for path, fault in faults.items()} == {
        "text.jpg": "not an image",
        "empty.png": "empty file",
        "flat.png": "too small: 20x4, a side must be at least 8",
    }
