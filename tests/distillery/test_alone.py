"""The library trains and labels with torch, torchvision, polars, pyarrow and pydantic; whatever else is installed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
STAGES_ONLY = (
    "mlflow",
    "prefect",
    "dvc",
    "yaml",
    "torchmetrics",
    "matplotlib",
    "rich",
    "anny",
    "warp",
    "pandas",
    "safetensors",
)
SCRIPT = """
import sys
from importlib import import_module
from pathlib import Path

sys.modules.update(dict.fromkeys({refused}))  # as if not installed
rooms = ("training", "labelling", "images", "networks", "losses", "params")
for room in rooms:
    for path in sorted(Path("distillery", room).rglob("*.py")):
        import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
from torchvision import models
from distillery.networks.multihead import MultiHead
from distillery.heads import Classification
heads = {{"mood": Classification(kind="classification", classes=("a", "b"))}}
MultiHead(heads, backbone="resnet18", width=1, dropout=0, size=32)
print("alone")
"""


def test_the_library_needs_nothing_of_the_stages():
    script = SCRIPT.format(refused=STAGES_ONLY)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "alone\n", done.stderr[-2000:]
