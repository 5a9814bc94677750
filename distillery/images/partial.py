"""A manifest made partly labelled: how the papers' data sets are, on data of which the rest is known."""

from collections.abc import Sequence

import polars as pl

from distillery.images.splits import draw_split


def keep_one_label(manifest: pl.DataFrame, heads: Sequence[str], seed: int) -> pl.DataFrame:
    """Leave each training image the label of one of some heads, drawn by its name; other splits stay as they are.

    Labels of other heads stay too. An image that lacks the drawn head's label keeps none of them.
    """
    shares = dict.fromkeys(heads, 1 / len(heads))
    kept = pl.Series([draw_split(shares, f"label of {image}", seed) for image in manifest["image"]])
    return manifest.with_columns(
        pl.when((pl.col("split") != "train") | (kept == name)).then(name).alias(name) for name in heads
    )
