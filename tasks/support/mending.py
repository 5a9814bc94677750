"""What a kill leaves of DVC's own: its file of locks cut short, which no DVC command can read any more.

``python -m tasks.support.mending`` removes such a file; `make demo` and the flow call it first. After a kill of a plain
``dvc repro`` that says "Unable to read RWLock-file" it is the command to run.
"""

import json
from pathlib import Path

LOCKS = Path(".dvc/tmp/rwlock")


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


if __name__ == "__main__":
    mend_locks()
