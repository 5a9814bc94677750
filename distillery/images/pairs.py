"""Lists of pairs of images to be verified, as LFW's ``pairs.txt`` (Huang et al., 2007, section 5) has them."""

from dataclasses import dataclass
from pathlib import Path

from distillery.errors import DistilleryError
from distillery.images.decoding import check_inside_project

MAX_SHOWN = 100  # characters


@dataclass(frozen=True)
class Pair:
    """Two images, each by its person's folder and its file's name without the suffix."""

    first: str
    second: str
    fold: int

    @property
    def same(self) -> bool:
        """Whether both show one person."""
        return self.first.split("/")[0] == self.second.split("/")[0]


def read_pairs(path: Path) -> list[Pair]:
    """A line ``folds  pairs``; then for each fold so many lines ``person  number  number``, as many of two people.

    Raises:
        DistilleryError: the file is missing or no such list; names the line.
    """
    try:
        check_inside_project(path)
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DistilleryError(f"{path}: cannot be read as a list of pairs ({error})") from error
    folds, each = _header(path, lines)
    wanted = 1 + 2 * folds * each
    if len(lines) != wanted:
        raise DistilleryError(f"{path}: found {len(lines)} lines; its first says {wanted}: 2 x {folds} x {each} pairs")
    return [_pair(path, number, line, (number - 2) // (2 * each)) for number, line in enumerate(lines[1:], start=2)]


def image_of(path: str) -> str:
    """How a pair names the image at a path."""
    return f"{Path(path).parent.name}/{Path(path).stem}"


def _header(path: Path, lines: list[str]) -> tuple[int, int]:
    words = lines[0].split() if lines else []
    if len(words) != 2 or not all(word.isdecimal() and 0 < int(word) < 10**6 for word in words):
        raise DistilleryError(f"{path}, line 1: wants the number of folds and of pairs in each, as '10 300'")
    return int(words[0]), int(words[1])


def _pair(path: Path, number: int, line: str, fold: int) -> Pair:
    match line.split():
        case [person, one, two] if one.isdecimal() and two.isdecimal():
            return Pair(_image(person, one), _image(person, two), fold)
        case [person, one, other, two] if one.isdecimal() and two.isdecimal() and person != other:
            return Pair(_image(person, one), _image(other, two), fold)
        case _:
            raise DistilleryError(
                f"{path}, line {number}: found {line[:MAX_SHOWN]!r}; wants 'person number number' or "
                "'person number other number'"
            )


def _image(person: str, number: str) -> str:
    return f"{person}/{person}_{int(number):04d}"
