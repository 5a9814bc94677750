"""The methods that params.yaml chooses by name: words that the schema and the library share."""

from typing import Literal

Aggregation = Literal["upgrad", "pcgrad", "mgda", "cagrad", "nash_mtl"]
WeightingName = Literal["fixed", "equal", "dynamic", "naive_dynamic", "uncertainty", "random", Aggregation]
OptimiserName = Literal["adamw", "prodigy", "schedulefree"]
Schedule = Literal["constant", "cosine", "dynamic"]
LabelledShare = Literal["kept", "shrinking"]  # of a head's loss, when pseudo-labelled cells join
Form = Literal["bernoulli", "one_sided"]  # of distribution matching
ConstantSide = Literal["none", "classes", "elements"]  # which side of a coupling gets no gradient
