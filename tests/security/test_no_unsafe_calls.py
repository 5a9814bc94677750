"""Nothing is unpickled, evaluated or handed to a shell, anywhere in the tree."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("distillery", "tasks", "flows", "benchmarks")
MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle"}
CALLS = {
    "eval",
    "exec",
    "__import__",
    "os.system",
    "os.popen",
    "torch.load",
    "torch.hub.load",
    "torch.package.PackageImporter",
    "yaml.load",
    "yaml.load_all",
    "yaml.full_load",
    "yaml.unsafe_load",
    "pandas.read_pickle",
    "importlib.import_module",
}
LOADERS = {"yaml.Loader", "yaml.UnsafeLoader", "yaml.FullLoader", "yaml.CLoader", "yaml.CUnsafeLoader"}
ALIASES = {"np": "numpy", "pd": "pandas"}


def _unsafe(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    full = dict(ALIASES)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            full |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names if alias.asname}
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            full |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            if node.module.split(".")[0] in MODULES:
                yield node.module
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and _name(node, full) in CALLS | LOADERS:
            yield _name(node, full)
        elif isinstance(node, ast.Call):
            yield from _unsafe_arguments(node, _name(node.func, full))


def _unsafe_arguments(call: ast.Call, name: str) -> Iterator[str]:
    for keyword in call.keywords:
        given = not (isinstance(keyword.value, ast.Constant) and keyword.value.value in (False, None))
        if given and (keyword.arg == "shell" or (keyword.arg == "allow_pickle" and name == "numpy.load")):
            yield f"{name}({keyword.arg}=...)"


def _name(node: ast.AST, full: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return full.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value, full)}.{node.attr}"
    return ""


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_module_loads_code_from_data(folder: str):
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    found = {str(path.relative_to(ROOT)): list(_unsafe(path.read_text())) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "def f():\n    import joblib",
        "import torch\ntorch.load('x', weights_only=True)",
        "import torch as t\nt.load('x')",
        "from torch import load\nload('x')",
        "from torch import load as read\nread('x')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x', allow_pickle=flag)",
        "import yaml\nyaml.load('x', Loader=yaml.SafeLoader)",
        "import yaml\nclass A(yaml.Loader): pass",
        "from yaml import unsafe_load\nunsafe_load('x')",
        "eval('1')",
        "exec('1')",
        "import os\nos.system('x')",
        "from os import system as s\ns('x')",
        "import subprocess\nsubprocess.run('x', shell=True)",
        "import subprocess as s\ns.Popen('x', shell=flag)",
    ],
)
def test_the_test_sees_what_it_is_to_refuse(source: str):
    assert list(_unsafe(source))


@pytest.mark.parametrize(
    "source",
    ["network.eval()", "import yaml\nyaml.safe_load('x')", "import numpy as np\nnp.load('x')", "run(shell=False)"],
)
def test_the_test_lets_the_harmless_pass(source: str):
    assert not list(_unsafe(source))
