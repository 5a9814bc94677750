"""params.yaml with values replaced, keys dropped, added or exchanged; and its text with characters changed."""

import copy
import math
from collections.abc import Iterator
from pathlib import Path

import yaml
from hypothesis import strategies as st

from distillery.errors import DistilleryError
from distillery.params import validate
from distillery.params.study import LISTS_OF_HEADS, validate_study, variant_params
from tasks.support.yaml_file import read_yaml
from tests.fuzz.answers import answer
from tests.fuzz.mutations import mutated
from tests.world import ROOT

PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
TEXT = (ROOT / "params.yaml").read_bytes()
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["nan", "auto", "r0", "..", "a\0b", "1e999", 10**400, -(10**400), 2**63, "x" * 10**5, "\ud800"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
)


def _places(found: object, key: tuple = ()) -> Iterator[tuple]:
    if key:
        yield key
    items = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for name, value in items:
        yield from _places(value, (*key, name))


STUDY = yaml.safe_load((ROOT / "study/params.yaml").read_text())


def _reach(found: object, place: tuple) -> tuple:
    """The container of a place, as far as earlier changes left it, and the key in it."""
    for name in place[:-1]:
        deeper = found[name] if _has(found, name) else None
        if not isinstance(deeper, dict | list):
            break
        found = deeper
    return found, place[-1]


def _has(found: object, name: object) -> bool:
    return (
        name in found
        if isinstance(found, dict)
        else isinstance(name, int) and isinstance(found, list) and name < len(found)
    )


def _change(sound: dict, steps: list[tuple[int, tuple, tuple, object]]) -> object:
    found = copy.deepcopy(sound)
    for kind, place, other, value in steps:
        where, name = _reach(found, place)
        from_where, from_name = _reach(found, other)
        if kind == 0 and _has(where, name):
            where[name] = value
        elif kind == 1 and _has(where, name):
            del where[name]
        elif kind == 2 and isinstance(where, dict):
            where[str(value)[:20]] = copy.deepcopy(PARAMS["rounds"])
        elif kind == 3 and _has(where, name) and _has(from_where, from_name):
            where[name] = copy.deepcopy(from_where[from_name])
    return found


def values(sound: dict = PARAMS) -> st.SearchStrategy[object]:
    place = st.sampled_from(list(_places(sound)))
    step = st.tuples(st.integers(0, 3), place, place, VALUES)
    return st.builds(_change, st.just(sound), st.lists(step, min_size=1, max_size=4))


def text() -> st.SearchStrategy[bytes]:
    # A section at a time: reading YAML takes ten microseconds a character.
    return mutated([part for part in TEXT.split(b"\n\n") if len(part) < 1500])


def check_values(found: object, folder: Path) -> None:
    """Parameters of finite numbers, or an error that is short."""
    params, reason = answer(DistilleryError, validate, found, "params.yaml")
    if reason:
        assert reason.startswith("params.yaml") and len(reason) < 40_000
    else:
        assert all(math.isfinite(number) for number in _numbers(params.model_dump()))


def check_study(found: object, folder: Path) -> None:
    """A study of which every variant is sound parameters, or an error that is short."""
    study, reason = answer(DistilleryError, validate_study, found, "study.yaml")
    assert reason.startswith("study.yaml does not fit") and len(reason) < 40_000 if reason else study.trained
    for variant in study.variants if study else ():
        params, reason = answer(DistilleryError, variant_params, PARAMS, study, variant, 0)
        if reason:
            assert reason.startswith(tuple(f"variants.{variant}.{key} names" for key in LISTS_OF_HEADS))
        else:
            _, reason = answer(DistilleryError, validate, params, variant)
            assert reason == "" or reason.startswith(variant)


def check_text(content: bytes, folder: Path) -> None:
    """What PyYAML reads, or an error that is short."""
    path = folder / "p.yaml"
    path.write_bytes(content)
    found, reason = answer(DistilleryError, read_yaml, path)
    assert len(reason) < 2000
    if not reason:
        assert repr(found) == repr(yaml.safe_load(content.decode()))
        check_values(found, folder)


def _numbers(found: object) -> Iterator[float]:
    if isinstance(found, float):
        yield found
    items = found.values() if isinstance(found, dict) else found if isinstance(found, list | tuple) else ()
    for value in items:
        yield from _numbers(value)
