"""Speed and cost against libraries that do a part of the same work: both sides by turns in one process, on a CPU.

The peers are no dependency of the project. ``benchmarks/peers/install.sh`` puts them, pinned in ``requirements.txt``,
into ``.peers/`` at the repository's root, without their dependencies; a measuring process is the project's interpreter
with the root and ``.peers`` on ``PYTHONPATH``. So torch, the network, the images and the machine are the same on both
sides, and what differs is the library.

Each of ``training``, ``inference``, ``weighting`` and ``semi_supervised`` has ``measure()``, which yields rows, and
says in its docstring what each side does in a pass. In a row ``value`` is ours and ``reference`` the peer's.
``students`` compares what is learnt instead; it is run by itself, in a tree that has the study's images.
"""
