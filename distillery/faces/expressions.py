"""What a face does in one image: expression, facial actions, action units, valence and arousal."""

from dataclasses import dataclass

import numpy as np

from distillery.faces import action_units

# Du, Tao, Martinez, PNAS 2014, table 1: units always shown, and units shown with the share of subjects who did.
# AU11 (nasolabial deepener) is left out: no facial action of anny shows it.
PROTOTYPES: dict[str, tuple[tuple[str, ...], dict[str, float]]] = {
    "neutral": ((), {}),
    "happy": (("AU12", "AU25"), {"AU6": 0.51}),
    "sad": (("AU4", "AU15"), {"AU1": 0.60, "AU6": 0.50, "AU17": 0.67}),
    "fearful": (("AU1", "AU4", "AU20", "AU25"), {"AU2": 0.57, "AU5": 0.63, "AU26": 0.33}),
    "angry": (("AU4", "AU7", "AU24"), {"AU10": 0.26, "AU17": 0.52, "AU23": 0.29}),
    "surprised": (("AU1", "AU2", "AU25", "AU26"), {"AU5": 0.66}),
    "disgusted": (("AU9", "AU10", "AU17"), {"AU4": 0.31, "AU24": 0.26}),
}

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


def sample_act(rng: np.random.Generator, *, expressiveness: float) -> Act:
    """A random expression of a person who shows feelings at `expressiveness` times the usual strength."""
    expression = str(rng.choice(list(PROTOTYPES)))
    intensity = float(np.clip(rng.uniform(0.65, 1.15) * expressiveness, 0.6, 1.2))
    units = {unit: intensity * rng.uniform(0.92, 1.08) for unit in _sample_units(rng, expression)}
    mood, alertness = rng.uniform(-1, 1, size=2)
    actions = _resting(mood, alertness)
    for action, strength in action_units.drive(units).items():
        actions[action] = max(actions.get(action, 0.0), strength)
    valence, arousal = AFFECT[expression]
    return Act(
        expression=expression,
        intensity=intensity,
        actions=actions,
        valence=float(np.clip(valence * intensity + MOOD * mood, -1, 1)),
        arousal=float(np.clip(arousal * intensity + MOOD * alertness, -1, 1)),
    )


def _sample_units(rng: np.random.Generator, expression: str) -> list[str]:
    always, sometimes = PROTOTYPES[expression]
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
