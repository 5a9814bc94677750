"""The one table which ties anny's facial actions to the action units of FACS.

A unit drives its facial actions when it is sampled, and its label is read back from them: a unit is present where any
of its actions reaches the row's threshold. So an action moved by one unit can also show another, as a dropped jaw
parts the lips.
"""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, kw_only=True)
class Row:
    """One facial action of a unit. Both sides of the face move together, so a name stands for its Left and Right."""

    unit: str
    action: str
    gain: float  # blend shape weight at unit intensity 1; above 1 the shape is extrapolated, to be legible at 64 pixels
    threshold: float  # blend shape weight from which the unit counts as present


TABLE = (
    Row(unit="AU1", action="browInnerUp", gain=1.9, threshold=0.5),
    Row(unit="AU2", action="browOuterUp", gain=1.4, threshold=0.4),
    Row(unit="AU4", action="browDown", gain=1.7, threshold=0.5),
    Row(unit="AU5", action="eyeWide", gain=1.5, threshold=0.5),
    Row(unit="AU6", action="cheekSquint", gain=1.0, threshold=0.3),
    Row(unit="AU7", action="eyeSquint", gain=0.9, threshold=0.3),
    Row(unit="AU9", action="noseSneer", gain=1.5, threshold=0.4),
    Row(unit="AU10", action="mouthUpperUp", gain=1.2, threshold=0.4),
    Row(unit="AU12", action="mouthSmile", gain=1.1, threshold=0.4),
    Row(unit="AU15", action="mouthFrown", gain=1.8, threshold=0.5),
    Row(unit="AU17", action="mouthShrugLower", gain=1.3, threshold=0.4),
    Row(unit="AU20", action="mouthStretch", gain=1.3, threshold=0.4),
    Row(unit="AU23", action="mouthRollUpper", gain=1.0, threshold=0.5),
    Row(unit="AU23", action="mouthRollLower", gain=1.0, threshold=0.5),
    Row(unit="AU24", action="mouthPress", gain=0.8, threshold=0.3),
    # The press alone would lift the corners like a smile; what goes with it is no evidence of it.
    Row(unit="AU24", action="mouthRollUpper", gain=0.35, threshold=inf),
    Row(unit="AU24", action="mouthRollLower", gain=0.35, threshold=inf),
    Row(unit="AU24", action="mouthFrown", gain=0.35, threshold=inf),
    Row(unit="AU25", action="mouthLowerDown", gain=1.1, threshold=0.4),
    Row(unit="AU25", action="jawOpen", gain=0.28, threshold=0.1),
    Row(unit="AU26", action="jawOpen", gain=0.8, threshold=0.4),
)
UNITS = tuple(dict.fromkeys(row.unit for row in TABLE))


def drive(units: dict[str, float]) -> dict[str, float]:
    """Facial action intensities which show the units, given their intensities (about 0.6..1.2)."""
    actions: dict[str, float] = {}
    for row in TABLE:
        if row.unit in units:
            actions[row.action] = max(actions.get(row.action, 0.0), row.gain * units[row.unit])
    return actions


def read(actions: dict[str, float]) -> dict[str, int]:
    """0/1 of every unit, from facial action intensities."""
    return {
        unit: int(any(actions.get(row.action, 0.0) >= row.threshold for row in TABLE if row.unit == unit))
        for unit in UNITS
    }


def both_sides(action: str) -> tuple[str, ...]:
    """The blend shape names an action may have."""
    return (action, f"{action}Left", f"{action}Right")
