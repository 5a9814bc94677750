"""From a seed to faces with their truth: people first, then several images of each."""

import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing import get_context

import numpy as np

from distillery.faces import action_units
from distillery.faces.camera import Camera, expose
from distillery.faces.expressions import Act, Emotions, sample_act
from distillery.faces.head import Head, load_head
from distillery.faces.person import Person, sample_person
from distillery.faces.studio import Studio

Truth = dict[str, str | int | float]  # one image's labels by column
BATCH = 64  # images whose head shapes are computed together


@dataclass(frozen=True, kw_only=True)
class Series:
    """What is rendered: so many images, ``size`` pixels wide, of so many people before one camera."""

    domain: str
    camera: Camera
    emotions: Emotions
    people: int
    images: int
    size: int
    seed: int


def render_faces(series: Series, *, processes: int = 1, first: int = 0) -> Iterator[tuple[np.ndarray, list[Truth]]]:
    """Batches of uint8 images [batch, size, size, 3] and one truth each; ``first`` passes over as many batches.

    Image k shows person k * people // images. Every person and image has a generator of its own, from the seed, the
    domain's name and its number, so that a longer run only adds; the batch is the unit of work, not of chance, and
    the number of processes changes nothing but the time.
    """
    load_head()  # here first: anny's cache must not be built by several processes at once
    render = partial(_render_batch, series)
    starts = range(0, series.images, BATCH)[first:]
    if processes == 1 or len(starts) == 1:
        yield from map(render, starts)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(render, starts)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _render_batch(series: Series, first: int) -> tuple[np.ndarray, list[Truth]]:
    head, studio = load_head(), _studio(series.size)
    numbers = range(first, min(first + BATCH, series.images))
    generators = [_generator(series.seed, series.domain, 1, number) for number in numbers]
    shown = [number * series.people // series.images for number in numbers]
    known = {number: _person(series.seed, series.domain, number) for number in set(shown)}
    persons = [known[number] for number in shown]
    acts = [
        sample_act(rng, expressiveness=person.expressiveness, emotions=series.emotions)
        for rng, person in zip(generators, persons, strict=True)
    ]
    acting, resting = _shapes(head, persons, acts)
    pictures = [
        expose(
            studio.portray(person=person, act=act, acting=a, resting=r, camera=series.camera, rng=rng),
            camera=series.camera,
            rng=rng,
        )
        for person, act, a, r, rng in zip(persons, acts, acting, resting, generators, strict=True)
    ]
    return np.stack(pictures), [truth(person, act) for person, act in zip(persons, acts, strict=True)]


@lru_cache(maxsize=1)
def _studio(size: int) -> Studio:
    return Studio(head=load_head(), size=size)


def truth(person: Person, act: Act) -> Truth:
    """One image's labels; years, valence and arousal are floats, action units and attributes 0/1."""
    return {
        "identity": person.identity,
        "age": round(person.age, 2),
        "gender": person.gender,
        "race": person.race,
        "expression": act.expression,
        **action_units.read(act.actions),
        "valence": round(act.valence, 4),
        "arousal": round(act.arousal, 4),
        **person.attributes(),
    }


def _generator(seed: int, domain: str, kind: int, number: int) -> np.random.Generator:
    return np.random.default_rng(
        np.random.SeedSequence(entropy=seed, spawn_key=(zlib.crc32(domain.encode()), kind, number))
    )


def _person(seed: int, domain: str, number: int) -> Person:
    return sample_person(_generator(seed, domain, 0, number), identity=f"{domain}-{number:04d}")


def _shapes(head: Head, persons: list[Person], acts: list[Act]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices in metres, float32 [batch, vertices, 3], of the acting and of the resting faces."""
    names = {name: head.actions.index(name) for name in head.actions}
    weights = np.zeros((len(acts), len(names)), np.float32)
    for row, act in zip(weights, acts, strict=True):
        for action, strength in act.actions.items():
            row[[names[name] for name in action_units.both_sides(action) if name in names]] = strength
    phenotypes = {name: np.array([person.phenotypes[name] for person in persons]) for name in persons[0].phenotypes}
    coefficients = head.coefficients(phenotypes, weights)
    resting = coefficients.clone()
    resting[:, -len(names) :] = 0
    return head.vertices(coefficients), head.vertices(resting)
