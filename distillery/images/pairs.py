"""Lists of pairs of images to be verified, as LFW's ``pairs.txt`` (Huang et al., 2007, section 5) has them."""

from dataclasses import dataclass
from pathlib import Path

from distillery.errors import DistilleryError
from distillery.images.decoding import check_inside_project

MAX_SHOWN = 100  # characters
LONGEST = 6  # digits


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
    except (OSError, ValueError) as error:
        raise DistilleryError(f"{path}: cannot be read as a list of pairs ({error})") from error
    folds, each = _header(path, lines)
    wanted = 1 + 2 * folds * each
    if len(lines) != wanted:
        raise DistilleryError(f"{path}: found {len(lines)} lines; its first says {wanted}: 2 x {folds} x {each} pairs")
    found = []
    for place, line in enumerate(lines[1:]):
        fold, within = divmod(place, 2 * each)
        found.append(_pair(path, place + 2, line, fold=fold, same=within < each))
    return found


def image_of(path: str) -> str:
    """How a pair names the image at a path."""
    return f"{Path(path).parent.name}/{Path(path).stem}"


def _header(path: Path, lines: list[str]) -> tuple[int, int]:
    words = lines[0].split() if lines else []
    if len(words) != 2 or not all(map(_is_number, words)) or int(words[0]) < 2 or int(words[1]) < 1:
        raise DistilleryError(f"{path}, line 1: wants the number of folds, two or more, and of pairs in each: '10 300'")
    return int(words[0]), int(words[1])


def _pair(path: Path, number: int, line: str, *, fold: int, same: bool) -> Pair:
    match line.split():
        case [person, one, two] if same and _is_number(one) and _is_number(two):
            return Pair(_image(person, one), _image(person, two), fold)
        case [person, one, other, two] if not same and _is_number(one) and _is_number(two) and person != other:
            return Pair(_image(person, one), _image(other, two), fold)
        case _:
            raise DistilleryError(
                f"{path}, line {number}: found {line[:MAX_SHOWN]!r}; wants "
                f"{'person number number' if same else 'person number other number'!r}"
            )


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) <= LONGEST


def _image(person: str, number: str) -> str:
    return f"{person}/{person}_{int(number):04d}"
