"""The long campaign: ``python -m tests.fuzz --inputs 5000`` tries so many inputs of every target, each time others."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.fuzz.campaign import run_campaign, run_target
from tests.fuzz.targets import NAMES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=5000, help="inputs a target")
    parser.add_argument("--target", choices=NAMES, help="this one alone, in this process")
    chosen = parser.parse_args()
    if chosen.target is None:
        return 0 if run_campaign(list(NAMES), chosen.inputs) else 1
    with tempfile.TemporaryDirectory() as folder:
        print(run_target(chosen.target, Path(folder), inputs=chosen.inputs, repeatable=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
