"""What the report shows of the images without labels: yields, audits, calibration, flips, faces."""

from functools import partial

import polars as pl

from distillery.heads import Classification, Head
from distillery.images.store import ImageStore
from distillery.params import Params
from distillery.params.selection import in_words
from distillery.reporting import results
from distillery.reporting.calibration import describe_calibration
from distillery.reporting.cells import COLUMNS, moved, pool_cells, views_column
from distillery.reporting.flips import Flips, count_flips
from distillery.reporting.gallery import Gallery, show_pseudo_labels
from distillery.reporting.yields import Labelled, describe_pseudo_labels, list_groups
from distillery.tables import POOL, READABLE, read_parts, read_table
from tasks.support import paths
from tasks.support.evaluations import stack_tables

USABLE = (pl.col("status") == READABLE) & pl.col("split").is_in(POOL)


def describe_pool(params: Params) -> dict[str, object]:
    """What the rounds made of them."""
    if not params.rounds:
        return {"labelled": [], "audited": False, "groups": [], "calibrated": [], "flips": [], "galleries": []}
    rows = read_table(paths.MANIFEST, ["image", "split", "status", *params.distilled], only=USABLE)
    known = {f"known_{name}": (pl.col("split") == "audit") & pl.col(name).is_not_null() for name in params.distilled}
    pool = rows.unique("image", keep="first", maintain_order=True).select("image", **known)
    labelled = _labelled(pool["image"], params)
    calibration = [paths.calibration(params.models[-1]) / f"{what}.csv" for what in ("errors", "reliability")]
    shown = [_show_head(pool, name, head, params) for name, head in params.distilled.items()]
    return {
        "labelled": labelled,
        "audited": any(head.audits for head in labelled),
        "groups": list_groups(stack_tables("groups", results.GROUPS, params.models[-1:]), params.models[-1]),
        "calibrated": describe_calibration(*(pl.read_csv(path.read_bytes()) for path in calibration)),
        "flips": [flips for flips, _ in shown if flips],
        "galleries": [gallery for _, gallery in shown],
    }


def _labelled(pool: pl.Series, params: Params) -> list[Labelled]:
    needed = ["image", *(f"{name}_{what}" for name in params.distilled for what in ("hard", "weight"))]
    pseudo = {key: read_parts(paths.pseudo_labels(key), needed) for key in params.rounds}
    rules = {name: in_words(each.rules) for name, each in params.pseudo_labels.heads.items()}
    audit = stack_tables("audit", results.AUDIT, list(params.rounds))
    return describe_pseudo_labels(pseudo, pool, audit, params.distilled, rules)


def _show_head(pool: pl.DataFrame, name: str, head: Head, params: Params) -> tuple[Flips | None, Gallery]:
    """What the last round said otherwise than the one before, and faces of its pool."""
    *before, last = params.rounds
    cells, flips = _cells(pool, name, head, last), None
    if before:
        cells = moved(_cells(pool, name, head, before[-1]), cells, head)
        flips = count_flips(cells, name, head)
    store = ImageStore(paths.IMAGES)
    gallery = show_pseudo_labels(
        cells,
        name,
        head,
        partial(_details, name, head, last),
        lambda images: store.gather(store.positions(images)).numpy(),
        count=params.report.gallery,
    )
    return flips, gallery


def _cells(pool: pl.DataFrame, name: str, head: Head, key: str) -> pl.DataFrame:
    pseudo = read_parts(paths.pseudo_labels(key), ["image", *(f"{name}_{what}" for what in COLUMNS)])
    seen = read_parts(paths.predictions(key), ["image", views_column(name, head)])
    return pool_cells(pseudo, seen, pool.select("image", known=f"known_{name}"), name, head)


def _details(name: str, head: Head, key: str, images: pl.Series) -> pl.DataFrame:
    """What the caption of a face tells; the truth is that of the audit rows."""
    wanted = pl.col("image").is_in(images.implode())
    views = views_column(name, head)
    told = {what: f"{name}_{what}" for what in COLUMNS}
    pseudo = read_table(paths.pseudo_labels(key), ["image", *told.values()], only=wanted).select("image", **told)
    seen = read_table(paths.predictions(key), ["image", views], only=wanted)
    rows = read_table(paths.MANIFEST, ["image", "split", "status", name], only=wanted & USABLE)
    cell = pl.col(name).cast(pl.String) if isinstance(head, Classification) else pl.col(name)
    truth = rows.unique("image", keep="first", maintain_order=True).select(
        "image", truth=pl.when(pl.col("split") == "audit").then(cell)
    )
    return pseudo.join(seen.rename({views: views.removeprefix(f"{name}_")}), on="image").join(truth, on="image")
