"""Data sets as people keep them: each adapter lists the images of one layout with their raw labels."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from distillery.errors import DistilleryError
from distillery.images.adapters.folders import read_folders
from distillery.images.adapters.people import read_people
from distillery.images.adapters.sighting import Sighting
from distillery.images.adapters.table import read_labels, read_table_rows
from distillery.images.adapters.utkface import read_utkface
from distillery.images.decoding import check_inside_project

__all__ = ["Sighting", "read_dataset"]


def read_dataset(
    adapter: str,
    folder: Path,
    *,
    heads: dict[str, str | tuple[str, ...]],
    table: str | None = None,
    path_column: str = "path",
    identity: str | None = None,
) -> Iterator[Sighting]:
    """List the images of one data set, sorted by path, with their raw labels by head, one after another.

    Args:
        adapter: the layout: ``utkface``, ``folders``, ``people`` or ``table``.
        folder: the data set's root.
        heads: which column (or columns) of the labels each head takes.
        table: CSV or Parquet in ``folder``; the adapter ``table`` lists its images, with other adapters it adds
            labels to the images that the layout lists.
        path_column: the table's column of paths, relative to ``folder``.
        identity: the table's column that holds identities.

    Raises:
        DistilleryError: the folder or table is missing, empty, lacks a column or leads out of the project.
    """
    empty = True
    try:
        found = _list(adapter, folder, table=table, path_column=path_column, identity=identity)
        if table is not None and adapter != "table":
            found = read_labels(folder, table, found, path_column)
        for sighting in found:
            empty = False
            yield _by_head(sighting, heads, folder)
    except OSError as error:
        raise DistilleryError(f"{error.filename or folder}: cannot be listed ({error.strerror})") from error
    if empty:
        raise DistilleryError(f"{folder}: holds no image in the layout '{adapter}'")


def _list(
    adapter: str, folder: Path, *, table: str | None, path_column: str, identity: str | None
) -> Iterable[Sighting]:
    if not folder.is_dir():
        raise DistilleryError(f"{folder}: no such folder; put the data set there or correct its path in params.yaml")
    if folder.is_symlink():
        raise DistilleryError(f"{folder}: is a link, and DVC does not look behind links; move the data set there")
    check_inside_project(folder)
    match adapter:
        case "utkface":
            return read_utkface(folder)
        case "folders":
            return read_folders(folder)
        case "people":
            return read_people(folder)
        case _:
            return read_table_rows(folder, table, identity, path_column)


def _by_head(sighting: Sighting, heads: dict[str, str | tuple[str, ...]], folder: Path) -> Sighting:
    labels: dict[str, object] = {}
    for head, columns in heads.items():
        for column in (columns,) if isinstance(columns, str) else columns:
            if column not in sighting.labels and not sighting.problem:
                allowed = sorted(sighting.labels)
                raise DistilleryError(f"{folder}: head '{head}' wants the column '{column}'; found: {allowed}")
        if isinstance(columns, str):
            labels[head] = sighting.labels.get(columns)
        else:
            labels[head] = [sighting.labels.get(column) for column in columns]
    return sighting.with_labels(labels)
