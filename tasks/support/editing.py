"""params.yaml changed as a person would change it: by keys, its comments and its order stay."""

import io
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from ruamel.yaml import YAML

from distillery.errors import DistilleryError
from distillery.files import whole_file
from distillery.params import Params, validate
from tasks.support.command import PARAMS
from tasks.support.yaml_file import read_yaml

WIDTH = 120


def change_params(edit: Callable[[Any], None], path: Path = PARAMS) -> Params:
    """Let ``edit`` change the file's document, and write it where it then fits the schema; returns what holds now.

    What the file inherits by an anchor changes with it, as it does in an editor.

    Raises:
        DistilleryError: the file is no YAML, or would not fit; it then stays as it is.
    """
    before = read_yaml(path)
    validate(before, str(path))  # says what is wrong with the file itself
    editor, mine = _editor(), path.read_text()
    document = editor.load(mine)
    unchanged = _dump(editor, document)
    edit(document)
    changed = _dump(editor, document)
    after = yaml.safe_load(changed)
    params = validate(after, str(path))
    if after != before:
        merged = _merge(mine, unchanged, changed)
        with whole_file(path) as draft:
            draft.write_text(merged if _reads_as(merged, after) else changed)
    return params


def _dump(editor: YAML, document: Any) -> str:
    written = io.StringIO()
    editor.dump(document, written)
    return "".join(f"{line.rstrip()}\n" for line in written.getvalue().splitlines())


def _merge(mine: str, unchanged: str, changed: str) -> str:
    """What changed, between two texts of one layout, in a third of another: lines that did not change keep theirs.

    By Git, as it merges two branches; where a line changed that the layouts break differently, ``changed`` has it.
    """
    with TemporaryDirectory() as folder:
        files = [Path(folder, str(number)) for number in range(3)]
        for file, text in zip(files, (mine, unchanged, changed), strict=True):
            file.write_text(text)
        command = ["git", "merge-file", "--stdout", "--quiet", "--theirs", *map(str, files)]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout


def _reads_as(text: str, document: object) -> bool:
    """No merge of lines knows what they mean."""
    try:
        return bool(yaml.safe_load(text) == document)
    except yaml.YAMLError:
        return False


def set_values(document: Any, values: Mapping[str, object]) -> None:
    """Set keys in dots, for instance ``{"student.epochs": 30, "pseudo_labels.heads.age.rules.0.width": 12}``.

    Raises:
        DistilleryError: there is no such section.
    """
    for key, value in values.items():
        *sections, last = key.split(".")
        place = document
        for number, section in enumerate(sections):
            place = _inside(place, section, ".".join(sections[: number + 1]), key)
        if isinstance(place, dict):
            place[last] = value  # a new key is for the schema to judge
        elif isinstance(place, list) and _is_place(place, last):
            place[int(last)] = value
        else:
            raise DistilleryError(f"override {key!r}: {'.'.join(sections)} has no {last!r}; write a key of params.yaml")


def _inside(place: Any, section: str, sofar: str, key: str) -> Any:
    if isinstance(place, dict) and section in place:
        return place[section]
    if isinstance(place, list) and _is_place(place, section):
        return place[int(section)]
    allowed = (
        ", ".join(map(str, place)) if isinstance(place, dict) else f"0 to {len(place) - 1}" if place else "nothing"
    )
    raise DistilleryError(f"override {key!r}: there is no {sofar!r}; allowed there: {allowed}")


def _is_place(found: list, section: str) -> bool:
    return section.isdecimal() and int(section) < len(found)


def _editor() -> YAML:
    editor = YAML()
    editor.preserve_quotes = True
    editor.width = WIDTH
    editor.indent(mapping=2, sequence=4, offset=2)
    for kind, represent in ((type(None), _null), (float, _float), (str, _text)):
        editor.representer.add_representer(kind, represent)
    return editor


def _null(writer: Any, _: None) -> Any:
    return writer.represent_scalar("tag:yaml.org,2002:null", "null")


def _float(writer: Any, value: float) -> Any:
    shown = repr(value)  # YAML 1.1, which is read, wants a dot in 1.0e-05
    return writer.represent_scalar("tag:yaml.org,2002:float", shown if "." in shown else shown.replace("e", ".0e"))


def _text(writer: Any, value: str) -> Any:
    return writer.represent_scalar("tag:yaml.org,2002:str", value, style=None if _is_plain(value) else "'")


def _is_plain(value: str) -> bool:
    """Whether it is read as it is written: "yes" would be true, "a: b" a mapping, "[" nothing at all."""
    return _reads_as(value, value)
