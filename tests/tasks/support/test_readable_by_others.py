"""The tables read by libraries that know nothing of this project."""

from pathlib import Path

import duckdb
import pandas
import polars as pl
import pyarrow.parquet as pq
import pytest

from distillery.tables import VERSION, read_table, table_files

TABLES = (
    "data/manifest.parquet",
    "data/ledger.parquet",
    "data/rounds/r1/predictions",
    "data/rounds/r1/pseudo_labels.parquet",
)


def _plain(value: object) -> object:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and value != value else value


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_the_same_to_polars_pyarrow_pandas_and_duckdb(finished: Path, name: str):
    ours = read_table(finished / name)
    files = [str(file) for file in table_files(finished / name)]
    arrow = pl.DataFrame(pq.ParquetDataset(files).read())
    assert arrow.equals(ours)
    assert pl.read_parquet(files).equals(ours)
    wanted = [[_plain(value) for value in row.values()] for row in ours.to_dicts()]
    seen = pandas.concat([pandas.read_parquet(file) for file in files])
    assert list(seen.columns) == ours.columns
    assert [[_plain(value) for value in row] for row in seen.astype(object).itertuples(index=False)] == wanted
    with duckdb.connect() as base:
        found = base.read_parquet(files)
        assert found.columns == ours.columns
        assert [[_plain(value) for value in row] for row in found.fetchall()] == wanted


def test_a_query_on_pseudo_labels_needs_nothing_but_the_file(finished: Path):
    path = finished / "data/rounds/r1/pseudo_labels.parquet"
    query = (
        "select race_hard, count(*), avg(race_confidence) from read_parquet(?) where race_reason = 'kept' group by 1"
    )
    with duckdb.connect() as base:
        found = base.execute(query, [str(path)]).fetchall()
    table = read_table(path).filter(pl.col("race_reason") == "kept")
    assert {row[0]: row[1] for row in found} == dict(table["race_hard"].cast(pl.String).value_counts().rows())


@pytest.mark.parametrize("name", TABLES)
def test_the_version_of_the_schema_stands_in_every_file(finished: Path, name: str):
    for file in table_files(finished / name):
        assert pq.read_metadata(file).metadata[b"distillery.schema"] == VERSION.encode()
