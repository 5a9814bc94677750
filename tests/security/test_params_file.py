import os
import time
from pathlib import Path

import pytest
import yaml

from distillery.errors import DistilleryError
from distillery.params import validate
from tasks.support.command import read_params
from tasks.support.yaml_file import read_yaml
from tests.world import ROOT

LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))


def _read(folder: Path, text: str | bytes) -> object:
    path = folder / "p.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", r"p\.yaml, line 3: the key 'a' was there in line 1 already"),
        ("s:\n  t: {a: 1, b: 2,\n     a: 3}", r"p\.yaml, line 3: the key 'a' was there in line 2 already"),
        ("a: {1: x}", r"p\.yaml, line 1: the key 1 is no text; put it in quotes"),
        ("\nyes: 1", r"p\.yaml, line 2: the key yes is no text; put it in quotes"),
        ("? [a, b]\n: 1", r"line 1: the key \(not a single word\) is no text"),
        ("a: &a [*a]", "line 1: an alias refers to what it is a part of"),
        ("a: &a {b: {c: *a}}", "line 1: an alias refers to what it is a part of"),
        (LAUGHS, r"line \d+: aliases multiply to more than 100000 values"),
        ("a: " + "[" * 100_000, "nested too deeply"),
        ("a: " + "{b: " * 100_000, "nested too deeply"),
        ("a: 2020-01-01", "line 1: a value of type timestamp; put it in quotes"),
        ("a: !!set {x, y}", "line 1: a value of type set"),
        ("a: !!binary aGk=", "line 1: a value of type binary"),
        ("a: !!python/object/apply:os.system [x]", "line 1: a value of type tag:yaml.org,2002:python|line 1: a value"),
        ("a: !mine 1", "line 1: a value of type !mine"),
        ("a: !!int x", "p.yaml: not YAML: .*'x'"),
        ("a: !!bool x", "p.yaml: not YAML"),
        ("a: !!float ''", "p.yaml: not YAML"),
        ("a: 1" + "0" * 5000, "p.yaml: not YAML: Exceeds the limit"),
        ("a: *b", "p.yaml: not YAML: .*undefined alias 'b'"),
        ("a: [1", "p.yaml: not YAML"),
        ("a: \0", "p.yaml: not YAML"),
        (b"a: \xff", r"p\.yaml: not UTF-8 at byte 3"),
        ("#" * (1 << 20) + "\na: 1", r"p\.yaml: more than 1048576 bytes"),
        ("<<: 3", "p.yaml: not YAML"),
    ],
    ids=lambda text: text[:16],
)
def test_what_yaml_lets_pass_in_silence_is_refused(tmp_path: Path, text: str | bytes, message: str):
    start = time.process_time()
    with pytest.raises(DistilleryError, match=f"(?s){message}") as caught:
        _read(tmp_path, text)
    assert len(str(caught.value)) < 600 + len(str(tmp_path))
    assert time.process_time() - start < 5


def test_anchors_and_merge_keys_work_and_what_is_merged_may_be_overridden(tmp_path: Path):
    text = "a: &a {x: 1, y: [1, 2]}\nb: {<<: *a, x: 3}\nc: {<<: [*a, {z: null}]}\nd: *a"
    assert _read(tmp_path, text) == yaml.safe_load(text)


@pytest.mark.parametrize("path", ["params.yaml", "benchmarks/photos/params.yaml", "benchmarks/digits/params.yaml"])
def test_the_committed_files_say_the_same_as_to_any_reader(path: str):
    assert read_yaml(ROOT / path) == yaml.safe_load((ROOT / path).read_text())
    assert read_params(ROOT / path)


@pytest.mark.parametrize("text", ["", "# nothing", "---"])
def test_an_empty_file_is_no_mapping_of_sections(tmp_path: Path, text: str):
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(DistilleryError, match=r"p\.yaml: expected a mapping of sections, found NoneType"):
        read_params(tmp_path / "p.yaml")


def test_a_missing_file_or_a_folder_says_so(tmp_path: Path):
    with pytest.raises(DistilleryError, match="gone: cannot be read"):
        read_params(tmp_path / "gone")
    with pytest.raises(DistilleryError, match="cannot be read"):
        read_params(tmp_path)


def test_a_file_without_end_is_too_large(tmp_path: Path):
    os.symlink("/dev/zero", tmp_path / "p.yaml")
    with pytest.raises(DistilleryError, match="more than 1048576 bytes"):
        read_params(tmp_path / "p.yaml")


def _places(found: object, key: tuple = ()) -> list[tuple]:
    """The keys of every number that the parameters hold."""
    if isinstance(found, dict):
        return [place for name, value in found.items() for place in _places(value, (*key, name))]
    if isinstance(found, list):
        return [place for index, value in enumerate(found) for place in _places(value, (*key, index))]
    return [key] if isinstance(found, int | float) and not isinstance(found, bool) else []


def _with(found: object, place: tuple, value: object) -> object:
    if not place:
        return value
    first, *rest = place
    if isinstance(found, dict):
        return {**found, first: _with(found[first], tuple(rest), value)}
    assert isinstance(found, list)
    return [*found[:first], _with(found[first], tuple(rest), value), *found[first + 1 :]]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "nan", "inf"])
def test_no_number_may_be_endless(value: float | str):
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    places = _places(params)
    assert len(places) > 100
    for place in places:
        key = r"\.".join(map(str, place))
        # A value of one of several types is named with the type, and a rule between keys by its section.
        with pytest.raises(DistilleryError, match=rf"(?m)^  ({key}|{place[0]})[.:]"):
            validate(_with(params, place, value), "params.yaml")


@pytest.mark.parametrize("key", ["..", "../x", "a/b", "/x", ".hidden", "", "a\n", "a b", "ä"])
@pytest.mark.parametrize("section", ["rounds", "faces", "manifest"])
def test_a_key_that_becomes_a_folder_leads_nowhere_else(section: str, key: str):
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    if section == "rounds":
        params["rounds"] = {key: {"teacher": "r0"}}
    elif section == "faces":
        params["faces"]["domains"][key] = params["faces"]["domains"]["studio"]
    else:
        params["manifest"]["datasets"][key] = params["manifest"]["datasets"]["studio"]
    with pytest.raises(DistilleryError, match=rf"(?m)^  {section}\..*should match pattern"):
        validate(params, "params.yaml")


def test_a_message_stays_short_whatever_was_found():
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    found = {**params, "seed": "x" * 10**6, "threads": list(range(10**5)), "y" * 10**6: 1, "report": 10**5000}
    found |= {f"extra{index}": "z" * 10**4 for index in range(1000)}
    with pytest.raises(DistilleryError) as caught:
        validate(found, "params.yaml")
    assert len(str(caught.value)) < 5000
    assert "  and 98" in str(caught.value)
