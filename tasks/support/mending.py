"""What a kill leaves of DVC's own: its file of locks, or its record ``dvc.lock``, cut short, which stops every command.

``python -m tasks.support.mending`` mends both; `make demo` and the flow call it first. After a kill of a plain
``dvc repro`` that says "Unable to read RWLock-file" or "'dvc.lock' validation failed" it is the command to run.
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from distillery.files import whole_file

LOCKS = Path(".dvc/tmp/rwlock")
RECORDS = (Path("dvc.lock"), Path("study/dvc.lock"))
STAGE = re.compile(r"^  \S", re.MULTILINE)


def mend() -> None:
    """Mend both."""
    mend_locks()
    mend_record()


def mend_locks() -> bool:
    """Remove DVC's file of locks if it is damaged; says whether it was. A sound one DVC itself rids of dead owners."""
    try:
        json.loads(LOCKS.read_text())
    except FileNotFoundError:
        return False
    except ValueError:
        LOCKS.unlink(missing_ok=True)
        print(f"{LOCKS} was cut short by a kill and is removed", flush=True)
        return True
    return False


def mend_record() -> bool:
    """Keep the whole entries of each ``dvc.lock`` that was cut short; says whether one was.

    DVC writes it in place, stage after stage. What is cut off was saved in DVC's run cache before: the next
    ``dvc repro`` finds it there and runs nothing again.
    """
    mended = [_mend(record) for record in RECORDS]
    return any(mended)


def _mend(record: Path) -> bool:
    try:
        found = record.read_text()
    except FileNotFoundError:
        return False
    kept = found[: found.rfind("\n") + 1]
    while kept and not _is_whole(kept):
        kept = kept[: ([0] + [match.start() for match in STAGE.finditer(kept)])[-1]]
    if kept == found and kept:
        return False
    if kept:
        with whole_file(record) as draft:
            draft.write_text(kept)
    else:
        record.unlink()
    print(f"{record} was cut short by a kill: {len(STAGE.findall(kept))} whole entries are kept", flush=True)
    return True


def _is_whole(text: str) -> bool:
    """Whether the text ends where an entry ends: of a cut file all but the last entry are as they were written."""
    try:
        record = yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    stages = record.get("stages") if isinstance(record, dict) else None
    if not isinstance(stages, dict) or not stages:
        return False
    last = list(stages.values())[-1]
    outputs = last.get("outs") if isinstance(last, dict) else None
    return isinstance(outputs, list) and isinstance(outputs[-1], dict) and _is_complete(outputs[-1])


def _is_complete(output: dict[str, Any]) -> bool:
    folder = str(output.get("md5", "")).endswith(".dir")
    return output.keys() >= {"path", "md5", "size", *(["nfiles"] if folder else [])}


if __name__ == "__main__":
    mend()
