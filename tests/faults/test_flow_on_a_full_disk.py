"""The whole working tree on a disk that fills up while the flow runs: it says so, and with room again ends as ever."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.served import flow_environment
from tests.world import call, edit_params

# In a mount space of its own: the disk, the tree on it, and the flow twice, with little room left and with enough.
SCRIPT = """
set -eu
mount -t tmpfs -o size=1g none "$1"
cp -a "$2/." "$1"
cd "$1"
mount -o "remount,size=$(( $(du -s --block-size=1k . | cut -f1) + $3 ))k" "$1"
"$4" -m flows.distillation && echo "THE DISK WAS LARGE ENOUGH"
echo ROOM AGAIN
mount -o remount,size=1g "$1"
"$4" -m flows.distillation
cp dvc.lock "$2/ended.lock"
"""


@pytest.mark.parametrize(("kilobytes", "named"), [(100, "tracking.uri"), (700, ".checkpoints/r1.safetensors")])
def test_a_flow_whose_disk_fills_up_names_it_and_goes_on(world: Path, tmp_path: Path, kilobytes: int, named: str):
    edit_params(world, lambda params: params["pseudo_labels"]["heads"]["race"]["rules"][0].update(least=0.36))
    if named == "tracking.uri":  # with something new of the teacher its record comes before what else needs room
        edit_params(world, lambda params: params["views"]["views"].pop())
    disk = tmp_path / "disk"
    disk.mkdir()
    space = ["unshare", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"]
    done = subprocess.run(
        [*space, str(disk), str(world), str(kilobytes), sys.executable],
        env=flow_environment(disk, tmp_path / "prefect"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    full, roomy = done.stdout.split("ROOM AGAIN")
    assert "THE DISK WAS LARGE ENOUGH" not in full
    assert f"error: {named}" in full and "disk is full" in full, full[-5000:]
    assert "Finished in state Completed" in roomy
    call(world, "dvc", "repro")
    assert (world / "ended.lock").read_text() == (world / "dvc.lock").read_text()
