"""A sum whose order does not depend on who finishes first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .executors import Executor

Node = tuple[int, int]


def tree_sum(
    executor: Executor,
    leaves: Sequence[tuple[Callable[..., Any], tuple[Any, ...]]],
    add: Callable[..., Any],
    *,
    fan_in: int,
    window: int,
    told: Callable[[float], object],
) -> Any:
    """Runs every leaf and adds `fan_in` neighbours at a time, level by level, in their order: a handle to the sum.

    The shape of the tree follows from the number of leaves alone, so the same bytes come out on any number of workers. At most
    `window` leaves are under way, and each is added as soon as its neighbours are there: matrices that wait are few.
    """
    counts = [len(leaves)]
    while counts[-1] > 1:
        counts.append(-(-counts[-1] // fan_in))
    total = sum(counts) - (counts[-1] if len(counts) > 1 else 0)
    waiting: dict[Node, Any] = {}
    running: dict[Any, Node] = {}
    started = under_way = done = 0

    def settle(node: Node, handle: Any) -> Any | None:
        level, index = node
        if level == len(counts) - 1:
            return handle
        waiting[node] = handle
        parent = index // fan_in
        children = [(level, i) for i in range(parent * fan_in, min((parent + 1) * fan_in, counts[level]))]
        if not all(child in waiting for child in children):
            return None
        handles = [waiting.pop(child) for child in children]
        if len(handles) == 1:
            return settle((level + 1, parent), handles[0])
        running[executor.submit(add, *handles)] = (level + 1, parent)
        return None

    while True:
        while started < len(leaves) and under_way < window:
            function, arguments = leaves[started]
            running[executor.submit(function, *arguments)] = (0, started)
            started, under_way = started + 1, under_way + 1
        for handle in executor.wait(list(running)):
            node = running.pop(handle)
            under_way -= node[0] == 0
            done += 1
            told(min(1.0, done / max(1, total)))
            root = settle(node, handle)
            if root is not None:
                return root
