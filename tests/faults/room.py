"""A finished world in a room of its own, where disks fill up and limits bind, and its stages start in milliseconds."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.world import ROOT, contents, environment, remove

# Each stage's command, and what it writes.
STAGES = {
    "faces": (("faces", "print"), "data/raw/print"),
    "manifest": (("manifest",), "data/manifest.parquet"),
    "images": (("images",), "data/images"),
    "ledger": (("ledger",), "data/ledger.parquet"),
    "teacher": (("teacher",), "models/r0"),
    "views": (("views",), "data/views.csv"),
    "predictions": (("predictions", "r1"), "data/rounds/r1/predictions"),
    "pseudo_labels": (("pseudo_labels", "r1"), "data/rounds/r1/pseudo_labels.parquet"),
    "student": (("student", "r1"), "models/r1"),
    "evaluation": (("evaluation", "r1"), "data/rounds/r1/evaluation"),
    "few_shot": (("few_shot", "r1"), "data/rounds/r1/few_shot.json"),
    "promotion": (("promotion",), "data/promotion.json"),
    "report": (("report",), "data/report"),
}


@dataclass(frozen=True)
class Done:
    """How a stage ended: exit status (negative: the signal that killed it), all that it printed, seconds."""

    status: int
    output: str
    seconds: float


class Server:
    """The process that forks stages, behind its two pipes."""

    def __init__(self) -> None:
        command = ["unshare", "--map-root-user", "--mount", sys.executable, "-m", "tests.faults.server"]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(ROOT),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.root = Path(f"/proc/{self._process.pid}/root")
        assert self._read() == "ready"

    def __call__(self, name: str, *arguments: object) -> object:
        assert self._process.stdin
        self._process.stdin.write(json.dumps([name, arguments]) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _read(self) -> object:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline() or '"the server of stages died"')


class Room:
    """One world; ``wanted`` holds the undisturbed bytes of what its stages write."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._server, self.folder = server, folder
        self.wanted = {stage: contents(folder / path) for stage, (_, path) in STAGES.items()}

    @property
    def inside(self) -> Path:
        """The world as its stages see it, mounts and all."""
        return self._server.root / self.folder.relative_to("/")

    def start(self, stage: str, *, limits: Mapping[str, int] | None = None, before: str | None = None) -> int:
        command = STAGES[stage][0]
        output = str(self.folder / f"{'-'.join(command)}.log")
        return int(str(self._server("start", str(self.folder), command, output, limits or {}, before)))

    def end(self, stage: str, pid: int, seconds: float = 60) -> Done:
        began = time.monotonic()
        status = self._server("wait", pid, seconds)
        assert isinstance(status, int), f"{stage}: still runs after {seconds} s"
        output = (self.folder / f"{'-'.join(STAGES[stage][0])}.log").read_text()
        return Done(status, output, time.monotonic() - began)

    def run(self, stage: str, *, limits: Mapping[str, int] | None = None, before: str | None = None) -> Done:
        return self.end(stage, self.start(stage, limits=limits, before=before))

    def kill_after(self, stage: str, seconds: float) -> bool:
        """Start a stage and kill it after so many seconds; False when it ended before."""
        until = time.monotonic() + seconds
        return self.kill_when(stage, lambda: time.monotonic() >= until)

    def kill_when(self, stage: str, condition: Callable[[], bool]) -> bool:
        """Start a stage and kill it, threads, children and all, once a condition holds; False when it ended before."""
        pid = self.start(stage)
        while not condition():
            if self._server("wait", pid, 0.002) is not None:
                return False
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        return self.end(stage, pid).status == -signal.SIGKILL

    def remove(self, stage: str) -> None:
        """As DVC does before it runs a stage."""
        remove(self.inside / STAGES[stage][1])

    def found(self, stage: str) -> dict[str, bytes]:
        return contents(self.inside / STAGES[stage][1])

    def check(self, stage: str) -> None:
        """The stage's command ends with the undisturbed bytes."""
        done = self.run(stage)
        assert done.status == 0, done.output
        assert self.found(stage) == self.wanted[stage], f"{stage}: other bytes than undisturbed"

    @contextmanager
    def small_disk(self, path: str, size: int, keep: Sequence[str] = ()) -> Iterator[None]:
        """A disk of its own of so many bytes under a folder; of what the folder held ``keep`` stays in sight."""
        folder, disk = self.folder / path, self.folder / "disk"
        disk.mkdir()
        folder.mkdir(parents=True, exist_ok=True)
        self._server("mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(disk))
        seen = self._server.root / disk.relative_to("/")
        for name in keep:
            source = folder / name
            (seen / name).mkdir() if source.is_dir() else (seen / name).touch()
            self._server("mount", "--bind", str(source), str(disk / name))
        self._server("mount", "--rbind", str(disk), str(folder))
        try:
            yield
        finally:
            for where in (folder, disk):
                for name in keep:
                    self._server("unmount", str(where / name))
                self._server("unmount", str(where))
            disk.rmdir()

    def enlarge_disk(self, size: int) -> None:
        self._server("mount", "-o", f"remount,size={size}", str(self.folder / "disk"))

    @contextmanager
    def read_only(self, path: str) -> Iterator[None]:
        folder = str(self.folder / path)
        self._server("mount", "--bind", folder, folder)
        self._server("mount", "-o", "remount,bind,ro", folder)
        try:
            yield
        finally:
            self._server("unmount", folder)


def assert_clear(done: Done, *words: str) -> None:
    """It failed with one line for the user, which names what these regular expressions say."""
    assert done.status == 1, f"status {done.status}: {done.output}"
    assert "Traceback" not in done.output, done.output[-1500:]
    assert len(re.findall("(?m)^error: ", done.output)) == 1, done.output[-1500:]
    message = done.output[done.output.index("error: ") :]
    for word in words:
        assert re.search(word, message), f"{word!r} is not in: {message}"
