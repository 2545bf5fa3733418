"""Whole processes in turn: CPU seconds, wall time and peak memory of each, start to exit, and what their rounds say."""

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field


@dataclass
class Rival:
    """One row of a table: a command, and what its rounds gave."""

    name: str
    command: list | None
    slow: bool = False
    note: str = ""
    environment: dict = field(default_factory=dict)
    rounds: list = field(default_factory=list)

    def of(self, what):
        return [getattr(measured, what) for measured in self.rounds]


@dataclass
class Measured:
    cpu_s: float
    wall_s: float
    peak_mb: float
    told: dict


def once(rival):
    """Runs a command; its stdout is JSON. A `cpu_s` there stands for the process's: the script has scaled it, or timed a part."""
    environment = {**os.environ, **rival.environment}
    begun = time.perf_counter()
    process = subprocess.Popen([str(part) for part in rival.command], stdout=subprocess.PIPE, env=environment)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - begun
    # Popen must not wait for what was waited for.
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode != 0:
        raise OSError(f"{rival.name} ended with status {process.returncode}")
    told = json.loads(text)
    cpu_s = told.get("cpu_s", usage.ru_utime + usage.ru_stime)
    return Measured(cpu_s, wall_s, usage.ru_maxrss / 1024, told)


def in_turns(rivals, arguments):
    """Fills the rounds of all that have a command. The first round, which warms caches, does not count."""
    for rival in rivals:
        if rival.command is None and not rival.note:
            rival.note = "cannot be had here"
        if rival.slow and arguments.slow_rounds == 0:
            rival.command, rival.note = None, "left out"
    for number in range(arguments.rounds + 1):
        for rival in rivals:
            if rival.command is None or (rival.slow and not 0 < number <= arguments.slow_rounds):
                continue
            print(f"  round {number}: {rival.name}", file=sys.stderr, flush=True)
            try:
                measured = once(rival)
            except (OSError, ValueError) as error:
                rival.command, rival.note = None, f"failed: {error}"
                continue
            if number > 0:
                rival.rounds.append(measured)


def spread(values, scale=1.0, digits=2):
    """Median, and from least to most."""
    low, middle, high = min(values) * scale, statistics.median(values) * scale, max(values) * scale
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def ratio(values, reference):
    """Median over rounds of a figure over the reference's of the same round: what disturbed one disturbed the other."""
    count = min(len(values), len(reference))
    return statistics.median(a / b for a, b in zip(values[:count], reference[:count]))


def markdown(heads, rows):
    """A table; the first column is text, the others are figures."""
    print("| " + " | ".join(heads) + " |")
    print("| --- |" + " ---: |" * (len(heads) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)
