"""The training stage against its limit, the bare loop; and what each of its parts costs."""

import math
from collections.abc import Iterator

from benchmarks.rows import Row, compare, compare_many, peak_mebibytes, row
from benchmarks.setting import network, params, store, training_bare, training_stage

SHAPES = (("compact", 64, 8), ("mobilenet_v3_small", 64, 8), ("resnet18", 112, 3))
STEPS = 6


def measure() -> Iterator[Row]:
    """Rows of the groups ``training``, ``training parts``, ``precision`` and ``memory``."""
    batch = params().teacher.batch
    for backbone, size, steps in SHAPES:
        case = f"{backbone}, {size} px"
        bare = {
            f"{case}, bare loop{', reading and augmenting' if augmenting else ''}": training_bare(
                network(backbone), size, steps=steps, batch=batch, augmenting=augmenting
            )
            for augmenting in (True, False)
        }
        stage = training_stage(network(backbone), store(size), steps=steps, batch=batch)
        yield from compare_many("training", {case: stage, **bare}, against=f"{case}, bare loop", passes=7)
    yield from _parts(batch)
    yield from _precision(batch)
    yield row("memory", "training process, peak", peak_mebibytes(), unit="MiB")


def _parts(batch: int) -> Iterator[Row]:
    variants: dict[str, dict[str, object]] = {
        "as in params.yaml": {},
        "no average of weights": {"ema": 0.0},
        "no clipping": {"clip": math.inf},
        "in two parts (accumulate 2)": {"accumulate": 2},
        "two reading threads": {"workers": 2},
        "contiguous, not channels last": {"channels_last": False},
        "a checkpoint every step": {"save_every": 0.0},
    }
    acts = {
        name: training_stage(network(), store(64), steps=STEPS, batch=batch, **changed)
        for name, changed in variants.items()
    }
    acts["from JPEG, no reading thread"] = training_stage(network(), store(64, 92), steps=STEPS, batch=batch)
    acts["from JPEG, two reading threads"] = training_stage(
        network(), store(64, 92), steps=STEPS, batch=batch, workers=2
    )
    yield from compare_many("training parts", acts, against="as in params.yaml")


def _precision(batch: int) -> Iterator[Row]:
    for backbone in ("compact", "mobilenet_v3_small"):
        half, full = (
            training_stage(network(backbone), store(64), steps=4, batch=batch, bf16=bf16) for bf16 in (True, False)
        )
        yield compare("precision", f"{backbone}, bfloat16", half, full, against="float32", passes=4)
