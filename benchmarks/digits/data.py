"""Digits of two sources as data sets of the pipeline: printed by fonts, written by people; with strokes as attributes.

``python -m benchmarks.digits.data data/raw`` writes three folders, each with images and ``labels.csv``:

- ``printed``: rendered with the fonts inside matplotlib's wheel (DejaVu, STIX, Computer Modern).
- ``marked`` and ``written``: a third and two thirds of the 1,797 handwritten digits inside scikit-learn's wheel
  (Alpaydin, Kaynak 1998, UCI "Optical Recognition of Handwritten Digits", CC BY 4.0), 8 x 8 and enlarged.
"""

import argparse
import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits

SIZE = 32
PRINTED = 3000
# What a digit is made of, as most people write it: no two digits alike.
STROKES = {
    "loop": "0689",
    "two_loops": "8",
    "straight": "147",
    "crossing": "4",
    "bar_on_top": "57",
    "round_top": "02389",
    "round_bottom": "03568",
}
FONTS = ("DejaVuSans*", "DejaVuSerif*", "STIXGeneral*", "cmb10", "cmr10", "cmss10", "cmtt10", "cmti10")
Digit = tuple[int, Image.Image]


def write_digits(folder: Path, *, printed: int = PRINTED, written: int | None = None) -> None:
    """Write the three data sets; the same bytes every time.

    Args:
        folder: where they go.
        printed: images that are rendered.
        written: handwritten digits that are used, all by default.
    """
    _write(folder / "printed", _print(printed))
    digits = list(_handwriting())[:written]
    third = len(digits) // 3
    _write(folder / "marked", digits[:third])
    _write(folder / "written", digits[third:])


def _write(folder: Path, digits: Iterable[Digit]) -> None:
    folder.mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "digit", *STROKES])
        for number, (digit, image) in enumerate(digits):
            name = f"{number:04}.png"
            image.save(folder / name)
            table.writerow([name, digit, *(int(str(digit) in shown) for shown in STROKES.values())])


def _print(count: int) -> Iterator[Digit]:
    """Dark digits on light paper, each with a font, a size, a slant and a place of its own."""
    ttf = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    fonts = sorted(path for pattern in FONTS for path in ttf.glob(f"{pattern}.ttf") if "Display" not in path.name)
    rng = np.random.default_rng(0)
    for number in range(count):
        paper, ink = int(rng.integers(200, 256)), int(rng.integers(0, 90))
        image = Image.new("L", (2 * SIZE, 2 * SIZE), paper)
        font = ImageFont.truetype(str(rng.choice(fonts)), int(rng.integers(44, 62)))
        place = tuple(SIZE + rng.integers(-4, 5, size=2))
        ImageDraw.Draw(image).text(place, str(number % 10), fill=ink, font=font, anchor="mm")
        turned = image.rotate(float(rng.uniform(-12, 12)), Image.Resampling.BICUBIC, fillcolor=paper)
        yield number % 10, turned.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def _handwriting() -> Iterator[Digit]:
    digits = load_digits()
    for grid, digit in zip(digits.images, digits.target, strict=True):
        image = Image.fromarray((255 - grid * (255 / 16)).astype(np.uint8))
        yield int(digit), image.resize((SIZE, SIZE), Image.Resampling.BICUBIC)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    write_digits(parser.parse_args().folder)
