import subprocess
import sys
from pathlib import Path

import pytest
from torch import nn

from distillery.errors import DistilleryError
from distillery.params import Params, validate
from tasks.support.machine import describe_machine, prepare_machine, use_bf16
from tests.world import small_params

SHOW = """
import resource, torch
from distillery.params import validate
from tasks.support.machine import prepare_machine
from tests.world import small_params
prepare_machine(validate({{**small_params(), "deterministic": {deterministic}, "threads": 1}}, "x"))
print(torch.are_deterministic_algorithms_enabled(), torch.get_num_threads())
"""

PLAIN = nn.Sequential(nn.Conv2d(3, 4, 3))


@pytest.fixture
def settings() -> Params:
    return validate(small_params(), "params")


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_stage_gets_its_threads_and_its_determinism(deterministic: bool):
    script = SHOW.format(deterministic=deterministic)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"{deterministic} 1\n"


def test_a_device_that_is_not_there_is_refused(settings: Params):
    with pytest.raises(DistilleryError, match="device is 'cuda', but torch finds no such device here"):
        prepare_machine(settings.model_copy(update={"device": "cuda"}))


def test_bf16_is_as_wanted_or_as_the_processor_has_it():
    flags = Path("/proc/cpuinfo").read_text()
    assert use_bf16(True, "cpu", PLAIN) is True
    assert use_bf16(False, "cpu", PLAIN) is False
    assert use_bf16("auto", "cpu", PLAIN) == ("avx512_bf16" in flags or "amx_tile" in flags)


def test_depthwise_convolutions_have_no_bf16_kernel_on_a_cpu():
    depthwise = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4))
    assert use_bf16("auto", "cpu", depthwise) is False
    assert use_bf16(True, "cpu", depthwise) is True


def test_what_decides_how_sums_round_is_named(settings: Params):
    one, two = (describe_machine(settings, bf16) for bf16 in (True, False))
    assert (one["precision"], two["precision"]) == ("bfloat16", "float32")
    assert set(one) == {"torch", "threads", "device", "precision", "deterministic"}
