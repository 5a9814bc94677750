"""This machine made ready for a stage: threads, memory, determinism, and whether bfloat16 pays here."""

import ctypes
import os
import resource
import sys
from typing import TYPE_CHECKING

from distillery.errors import DistilleryError
from distillery.params import Params

if TYPE_CHECKING:
    from torch import nn

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc, malloc.h
KEPT = 1 << 30  # bytes


def prepare_machine(params: Params) -> None:
    """Called first by every stage that runs a network.

    Raises:
        DistilleryError: ``device`` is cuda and there is none.
    """
    _keep_freed_memory()
    _raise_file_limit()
    import torch

    if params.device == "cuda" and not torch.cuda.is_available():
        raise DistilleryError("device is 'cuda', but torch finds no such device here; allowed here: cpu")
    # Sums over another number of threads round differently.
    torch.set_num_threads(params.threads)
    # Without a workspace of fixed size cuBLAS may choose another algorithm each time, and torch refuses to run it.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(params.deterministic)
    # Finds bugs, and costs a pass over every buffer.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not params.deterministic


def use_bf16(wanted: bool | str, device: str, network: "nn.Module") -> bool:
    """What ``bf16: auto`` means here: true where the device multiplies bfloat16 in hardware and has the kernels for it.

    Emulated it is several times slower than float32; in hardware about twice as fast, but on a CPU depthwise
    convolutions have no such kernel, and a network of them takes twice as long (docs/benchmarks.md). A rule and no
    measurement: what a busy machine measures could differ between two runs, and with it the bytes.
    """
    if isinstance(wanted, bool):
        return wanted
    import torch
    from torch import nn

    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if any(isinstance(layer, nn.Conv2d) and layer.groups > 1 for layer in network.modules()):
        return False
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def describe_machine(params: Params, bf16: bool) -> dict[str, str]:
    """What decides how sums round, beside the code."""
    import torch

    precision = "bfloat16" if bf16 else "float32"
    return {
        "torch": torch.__version__,
        "threads": str(params.threads),
        "device": params.device,
        "precision": precision,
        "deterministic": str(params.deterministic),
    }


def _keep_freed_memory() -> None:
    """Let the allocator keep what is freed: by default glibc returns every large tensor to the system.

    Each step would get its memory back page by page, zeroed; keeping it makes training 3 to 12 % faster.
    """
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        if hasattr(library, "mallopt"):
            library.mallopt(M_MMAP_THRESHOLD, KEPT)
            library.mallopt(M_TRIM_THRESHOLD, KEPT)


def _raise_file_limit() -> None:
    """A store of many shards is as many open files: ask for all that this process is allowed to have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
