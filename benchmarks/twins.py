"""What tells a twin from a stranger: pixels, what a network has learnt, or the ledger with its search for crops.

    python -m benchmarks.twins [round]

Run where the demo has run. Test images are edited as pictures are that travel; an edit is told from strangers where it
is more like its original than any image that is learnt from is like any test image, or where the ledger names its
original. Writes ``docs/twins.csv``.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import torch
import torch.nn.functional as F
import torchvision.transforms.v2.functional as edit
from torch import Tensor

from distillery.images.shards import write_shard
from distillery.images.store import ImageStore
from distillery.images.transforms import grey, to_float
from distillery.images.twins import unit
from distillery.networks.model import load_model
from distillery.tables import POOL, read_table
from tasks.ledger import twins_of
from tasks.support import paths
from tasks.support.command import read_params
from tasks.support.machine import prepare_machine

OUT = Path("docs/twins.csv")
BATCH = 512
Describe = Callable[[Tensor], Tensor]


def edits(side: int) -> dict[str, Describe]:
    """What is done to a picture of so many pixels a side."""
    crops = {share: round(side * share / 2) for share in (0.1, 0.2)}
    inside = {share: [cut, cut, side - 2 * cut, side - 2 * cut] for share, cut in crops.items()}
    grown = {share: lambda x, box=box: edit.resized_crop(x, *box, [side, side]) for share, box in inside.items()}
    return {
        "40 % brighter": lambda x: (1.4 * x).clamp(0, 1),
        "a third of the size": lambda x: edit.resize(edit.resize(x, [side // 3] * 2), [side, side]),
        "mirrored": lambda x: x.flip(3),
        "a tenth cut off": grown[0.1],
        "a fifth cut off": grown[0.2],
        "a tenth cut off one corner": lambda x: edit.resized_crop(x, 0, 0, *[side - 2 * crops[0.1]] * 2, [side, side]),
        "turned by 10 degrees": lambda x: edit.rotate(x, 10),
    }


def main(key: str = "r0") -> None:
    params = read_params()
    prepare_machine(params)
    rows = read_table(paths.MANIFEST, ["image", "split"]).unique("image", keep="first", maintain_order=True)
    store = ImageStore(paths.IMAGES)
    places = [
        store.positions(rows.filter(pl.col("split").is_in(splits))["image"]) for splits in (("test",), ("train", *POOL))
    ]
    tested, learnt = (to_float(store.gather(each)) for each in places)
    network, _ = load_model(paths.model(key))
    ways: dict[str, Describe] = {
        "pixels": lambda x: unit(grey(x).flatten(1)),
        f"features of {key}": lambda x: F.normalize(network.features_and_logits(x)[0], dim=1),
    }
    found = []
    for way, describe in ways.items():
        originals = _describe(tested, describe)
        strangers = float((_describe(learnt, describe) @ originals.T).max())
        for name, change in edits(params.images.size).items():
            # The ledger compares pixels as they are and mirrored.
            turned = [_describe(change(each), describe) for each in (tested, tested.flip(3))]
            alike = torch.stack([(each * originals).sum(dim=1) for each in turned]).amax(dim=0)
            told = float((alike > strangers).float().mean())
            found.append(
                {"by": way, "edit": name, "median": float(alike.median()), "strangers": strangers, "told": told}
            )
            print(found[-1], flush=True)
    for name, change in edits(params.images.size).items():
        told = _tell(change(tested), tested, params.ledger.similarity)
        found.append({"by": "the ledger", "edit": name, "told": told})
        print(found[-1], flush=True)
    pl.DataFrame(found).write_csv(OUT, float_precision=4)


def _tell(edited: Tensor, tested: Tensor, similarity: float) -> float:
    """Of which share of the edited pictures the ledger names the original."""
    names = [pl.Series([f"{what}{number}" for number in range(len(tested))]) for what in ("edited", "original")]
    pixels = (torch.cat([edited, tested]) * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    with TemporaryDirectory() as folder:
        named = zip(pl.concat(names), pixels, strict=True)
        write_shard(Path(folder) / "0.arrow", named, size=edited.shape[-1], quality=None, fingerprint="")
        store = ImageStore(Path(folder))
        twins = twins_of(store, *names, similarity=similarity, crops=True)
    right = twins.filter(pl.col("image").str.slice(len("edited")) == pl.col("twin").str.slice(len("original")))
    return right["image"].n_unique() / len(tested)


def _describe(images: Tensor, describe: Describe) -> Tensor:
    with torch.inference_mode():
        return torch.cat([describe(part) for part in images.split(BATCH)])


if __name__ == "__main__":
    main(*sys.argv[1:2])
