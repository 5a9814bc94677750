import subprocess
import sys

import pytest

LITTLE_MEMORY = """
import resource, threading
from pathlib import Path
from tasks.support.threads import start_threads

mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (mapped + {more}, mapped + {more}))
try:
    start_threads()
finally:
    print(threading.active_count(), threading.stack_size())
"""


@pytest.mark.parametrize("more", [1 << 20, 1 << 22, 1 << 24])
def test_too_little_memory_for_threads_is_an_error_and_no_wait(more: int):
    code = LITTLE_MEMORY.format(more=more)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "DistilleryError: out of memory or of processes: started" in done.stderr
    assert "(ulimit -v, ulimit -u), then run the same command again" in done.stderr
    assert done.stdout == "1 0\n", "no thread of ours is left, nor the size of its stack"


NEW_THREADS = """
import os, time
from pathlib import Path
import polars as pl
from tasks.support.threads import start_threads

# What tokio starts for a file when its others are busy, and the allocator in its own time: no query waits for either.
AT_WILL = {{"tokio-rt-worker", "jemalloc_bg_thd"}}

{start}
started = set(os.listdir("/proc/self/task"))
pl.read_csv(b"a,b\\n1,2\\n")
pl.DataFrame({{"a": [1, 2] * 100_000}}).group_by("a").len().sort("a")
for _ in range(100):  # a thread that has just begun still has its parent's name
    later = set(os.listdir("/proc/self/task")) - started
    names = {{Path(f"/proc/self/task/{{thread}}/comm").read_text().strip() for thread in later}} - AT_WILL
    if not names:
        break
    time.sleep(0.1)
print(len(names))
"""


@pytest.mark.parametrize(("start", "new"), [("start_threads()", False), ("", True)])
def test_polars_has_its_threads_afterwards(start: str, new: bool):
    code = NEW_THREADS.format(start=start)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (int(done.stdout) > 0) is new
