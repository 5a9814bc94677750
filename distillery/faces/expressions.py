"""What a face does in one image: expression, facial actions, action units, valence and arousal."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from distillery.emotions import NEUTRAL, components, units_by_emotion
from distillery.faces import action_units

# Valence and arousal at intensity 1, on Russell's circumplex; our choice of values.
AFFECT = {
    "neutral": (0.0, -0.1),
    "happy": (0.75, 0.40),
    "sad": (-0.65, -0.40),
    "fearful": (-0.60, 0.65),
    "angry": (-0.55, 0.60),
    "surprised": (0.15, 0.70),
    "disgusted": (-0.60, 0.25),
}
Emotions = Literal["basic", "compound"]
Prototype = tuple[tuple[str, ...], dict[str, float]]
STRAY_RATE = 0.04  # chance of each unit which the expression does not ask for
STRAYS = ("AU1", "AU2", "AU6", "AU7", "AU17", "AU23", "AU26")
AGAINST = {"AU23": {"AU25", "AU26"}, "AU26": {"AU23", "AU24", "AU17"}, "AU17": {"AU25", "AU26", "AU12"}}
MOOD = 0.12  # most that a mood adds to valence, and alertness to arousal


@dataclass(frozen=True, kw_only=True)
class Act:
    """One image's expression. Intensities of facial actions are blend shape weights."""

    expression: str
    intensity: float
    actions: dict[str, float]
    valence: float
    arousal: float


@cache
def prototypes(emotions: Emotions) -> dict[str, Prototype]:
    """By emotion, the units always shown, and the units shown with the share of people who did (``emotions.py``).

    AU11 (nasolabial deepener) is left out: no facial action of anny shows it. Compounds are those of two words.
    """
    table = {NEUTRAL: {}, **units_by_emotion()}
    wanted = components() if emotions == "compound" else [name for name in AFFECT if name in table]
    return {name: _prototype(table[name]) for name in wanted}


def _prototype(units: dict[str, float]) -> Prototype:
    shown = {unit: share for unit, share in units.items() if unit in action_units.UNITS}
    always = tuple(unit for unit, share in shown.items() if share == 1)
    return always, {unit: share for unit, share in shown.items() if share < 1}


def affect(expression: str) -> tuple[float, float]:
    """Valence and arousal at intensity 1; of a compound the mean of both emotions."""
    parts = [AFFECT[name] for name in components().get(expression, (expression,))]
    return sum(part[0] for part in parts) / len(parts), sum(part[1] for part in parts) / len(parts)


def sample_act(rng: np.random.Generator, *, expressiveness: float, emotions: Emotions) -> Act:
    """A random expression of a person who shows feelings at `expressiveness` times the usual strength."""
    known = prototypes(emotions)
    expression = str(rng.choice(list(known)))
    intensity = float(np.clip(rng.uniform(0.65, 1.15) * expressiveness, 0.6, 1.2))
    units = {unit: intensity * rng.uniform(0.92, 1.08) for unit in _sample_units(rng, known[expression])}
    mood, alertness = rng.uniform(-1, 1, size=2)
    actions = _resting(mood, alertness)
    for action, strength in action_units.drive(units).items():
        actions[action] = max(actions.get(action, 0.0), strength)
    valence, arousal = affect(expression)
    return Act(
        expression=expression,
        intensity=intensity,
        actions=actions,
        valence=float(np.clip(valence * intensity + MOOD * mood, -1, 1)),
        arousal=float(np.clip(arousal * intensity + MOOD * alertness, -1, 1)),
    )


def _sample_units(rng: np.random.Generator, prototype: Prototype) -> list[str]:
    always, sometimes = prototype
    units = [*always, *(unit for unit, rate in sometimes.items() if rng.random() < rate)]
    for stray in STRAYS:
        wanted = rng.random() < STRAY_RATE
        if wanted and stray not in units and not AGAINST.get(stray, set()) & set(units):
            units.append(stray)
    return units


def _resting(mood: float, alertness: float) -> dict[str, float]:
    """Faint actions, under every unit's threshold, by which mood and alertness show in any face."""
    corner = "mouthSmile" if mood > 0 else "mouthFrown"
    lid = "eyeWide" if alertness > 0 else "eyeBlink"
    return {corner: 0.3 * abs(mood), lid: 0.2 * abs(alertness)}
