"""``python -m benchmarks`` measures everything; ``python -m benchmarks training views`` the modules named.

Writes docs/benchmarks.csv, docs/benchmarks.md and its pictures. The peers are measured where ``.peers/`` is (make bench
puts it there); each module runs in a process of its own, so that none inherits another's memory or threads.
"""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl

from benchmarks.page import write_page

MODULES = ("training", "methods", "inference", "augmentation", "growth")
PEERS = ("training", "inference", "weighting", "semi_supervised")
TABLE, PAGE, INSTALLED = Path("docs/benchmarks.csv"), Path("docs/benchmarks.md"), Path(".peers")
COLUMNS = ("group", "case", "against", "unit", "value", "reference", "ratio", "note")
RUN = "import json, {module} as module\nfor row in module.measure(): print('@@row ' + json.dumps(row), flush=True)"


def main(wanted: list[str]) -> None:
    """Measure, show each row as it comes, write what is known so far after each module."""
    peers = [f"peers.{name}" for name in PEERS] if INSTALLED.is_dir() else []
    modules = wanted or [*MODULES, *peers]
    known = pl.read_csv(TABLE) if wanted and TABLE.is_file() else None
    rows: list[dict] = []
    for module in modules:
        rows += _measure(f"benchmarks.{module}")
        table = pl.DataFrame(rows, schema_overrides=dict.fromkeys(("value", "reference", "ratio"), pl.Float64))
        if known is not None:
            kept = known.filter(~pl.col("group").is_in(table["group"].unique().implode()))
            table = pl.concat([kept.cast(dict(table.schema)), table])  # type: ignore[arg-type]
        table.select(COLUMNS).write_csv(TABLE, float_precision=4)
        write_page(table, PAGE)
    print(f"{PAGE} and {TABLE} are written")


def _measure(module: str) -> list[dict]:
    command = [sys.executable, "-c", RUN.format(module=module)]
    found = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("@@row "):
                found.append(json.loads(line.removeprefix("@@row ")))
                row = found[-1]
                print(f"{row['group']:22}{row['case']:42}{row['value']:12,.1f} {row['unit']:10}{row['ratio']:6.2f}")
    if process.returncode:
        sys.exit(f"{module} ended with exit status {process.returncode}")
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
