"""What stands under a face: what was predicted, how sure, and whether it is right where the truth is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distillery.heads import Classification, Detection, Head, Regression

Row = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Caption:
    """``verdict`` is ``right``, ``wrong`` or, where that is a matter of degree or unknown, ``open``."""

    value: str
    confidence: str
    truth: str
    verdict: str


def describe(row: Row, head: Head) -> Caption:
    """One pseudo-label in words.

    Args:
        row: ``soft``, ``hard``, ``weight``, ``confidence`` and ``truth`` as the tables hold them for the head;
            ``agreement`` (regression: ``std``) of its views.
        head: says what the values are.
    """
    match head:
        case Classification():
            return _class(row)
        case Detection():
            return _elements(row, head)
        case _:
            return _numbers(row, head)


def _class(row: Row) -> Caption:
    value, truth = str(row["hard"]), row["truth"]
    verdict = "open" if truth is None else "right" if truth == value else "wrong"
    told = {"open": "", "right": "right", "wrong": f"truth: {truth}"}[verdict]
    sure = f"{row['confidence']:.2f} · {row['agreement']:.0%} agree"
    return Caption(value=value, confidence=sure, truth=told, verdict=verdict)


def _elements(row: Row, head: Detection) -> Caption:
    hard, weight, sure, agree = (_list(row[key]) for key in ("hard", "weight", "confidence", "agreement"))
    kept = [index for index, each in enumerate(weight) if each > 0]
    shown = kept or range(len(hard))
    value = " ".join(head.elements[index] for index in shown if hard[index]) or "no element"
    about = f"{_mean(sure):.2f} · {_mean(agree):.0%} agree, {len(kept)} of {len(hard)} kept"
    if row["truth"] is None:
        return Caption(value=value, confidence=about, truth="", verdict="open")
    truth = list(row["truth"])  # type: ignore[call-overload]
    known = [index for index in shown if truth[index] is not None]
    right = sum(truth[index] == hard[index] for index in known)
    told = f"{right} of {len(known)} {'kept ' if kept else ''}right" if known else ""
    return Caption(value=value, confidence=about, truth=told, verdict="open")


def _numbers(row: Row, head: Regression) -> Caption:
    soft, deviation, spread = (_list(row[key]) for key in ("soft", "confidence", "std"))
    each = [(name, _short(value, head)) for name, value in zip(head.outputs, soft, strict=True)]
    # A single output is named by its unit.
    value = f"{each[0][1]} {each[0][0]}" if len(each) == 1 else ", ".join(f"{name} {text}" for name, text in each)
    about = f"± {_short(_mean(deviation), head)} · views ± {_short(_mean(spread), head)}"
    truth = row["truth"]
    told = "" if truth is None else "truth: " + ", ".join(_short(v, head) for v in _list(truth))
    return Caption(value=value, confidence=about, truth=told, verdict="open")


def _short(value: float, head: Regression) -> str:
    """Whole numbers where the range is wide."""
    low, high = head.range
    return f"{value:.0f}" if high - low > 20 else f"{value:.2f}".replace("-", "−")


def _list(found: object) -> list[float]:
    return [float("nan") if value is None else float(value) for value in found]  # type: ignore[attr-defined]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
