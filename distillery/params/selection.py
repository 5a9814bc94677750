"""How pseudo-labels are chosen: the section ``pseudo_labels`` of params.yaml, a class for each rule."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from distillery.heads import Classification, Frozen, Head, Regression, names
from distillery.params.kinds import Count, Positive

Probability = Annotated[float, Field(gt=0, le=1)]


class Threshold(Frozen):
    kind: Literal["threshold"]
    least: Probability


class TopK(Frozen):
    kind: Literal["top_k"]
    share: Probability
    repeat: Annotated[float, Field(ge=1)]


class RateMatched(Frozen):
    kind: Literal["rate_matched"]


class FlexMatch(Frozen):
    kind: Literal["flex_match"]
    least: Probability


class FreeMatch(Frozen):
    kind: Literal["free_match"]


class SoftMatch(Frozen):
    kind: Literal["soft_match"]


class Debiased(Frozen):
    kind: Literal["debiased"]
    strength: Positive


class Negative(Frozen):
    """Negative labels of a classification: a class that is at most so probable, by views that lie within ``spread``."""

    most: Annotated[float, Field(gt=0, lt=1)]
    spread: Positive


class Uncertainty(Frozen):
    kind: Literal["uncertainty"]
    least: Probability
    spread: Positive
    balanced: bool
    negative: Negative | None


class Narrow(Frozen):
    """For numbers, in the head's units; null: any."""

    kind: Literal["narrow"]
    width: Positive | None
    spread: Positive | None


Rule = Annotated[
    Threshold | TopK | RateMatched | FlexMatch | FreeMatch | SoftMatch | Debiased | Uncertainty | Narrow,
    Field(discriminator="kind"),
]


def lowest(head: Head) -> float:
    """The confidence that every cell of a head has."""
    return 1 / len(names(head)) if isinstance(head, Classification) else 0.5


def in_words(rules: Sequence[Rule]) -> str:
    """For instance ``debiased (strength 0.4), then threshold (least 0.7)``."""
    return ", then ".join(map(_rule_in_words, rules))


def _rule_in_words(rule: Rule) -> str:
    found = {key: value for key, value in rule.model_dump(exclude={"kind"}).items() if value is not None}
    flags = [key for key, value in found.items() if value is True]
    if negative := found.pop("negative", None):
        flags += [f"negative {' '.join(f'{key} {value:g}' for key, value in negative.items())}"]
    numbers = [f"{key} {value:g}" for key, value in found.items() if not isinstance(value, bool)] + flags
    return rule.kind.replace("_", " ") + (f" ({', '.join(numbers)})" if numbers else "")


class Selection(Frozen):
    """Rules, one after another; ``targets``: whether a student learns probabilities or decisions."""

    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    targets: Literal["soft", "hard"]

    def check(self, where: str, head: Head) -> None:
        """Whether the rules are of the head's kind.

        Raises:
            ValueError: one is not, or its threshold is below what every cell reaches.
        """
        for place, rule in enumerate(self.rules):
            if isinstance(rule, Narrow) != isinstance(head, Regression):
                kinds = "narrow" if isinstance(head, Regression) else "all but narrow"
                raise ValueError(f"{where}.rules.{place}.kind is {rule.kind!r}; allowed for a {head.kind}: {kinds}")
            low = lowest(head)
            if isinstance(rule, Threshold | FlexMatch | Uncertainty) and rule.least < low:
                raise ValueError(f"{where}.rules.{place}.least is {rule.least}; allowed: {low:g} to 1")
            if isinstance(rule, Uncertainty) and rule.negative is not None:
                if not isinstance(head, Classification):
                    raise ValueError(f"{where}.rules.{place}.negative is of classes; allowed for a {head.kind}: null")
                if rule.negative.most >= low:
                    raise ValueError(
                        f"{where}.rules.{place}.negative.most is {rule.negative.most}; allowed: below {low:g}"
                    )


class Calibrating(Frozen):
    """``least``: labelled cells of the validation split that a head needs in a domain to be calibrated there;
    ``worst``: the held-out calibration error above which the stage stops."""

    method: Literal["none", "temperature", "vector", "isotonic"]
    least: Count
    worst: Probability


class PseudoLabels(Frozen):
    calibration: Calibrating
    heads: dict[str, Selection]
