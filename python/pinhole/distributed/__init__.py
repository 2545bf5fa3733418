"""Many captures, long captures and many sites, on the processes or machines that there are.

A capture, or a slice of a long one, is a task: a worker opens it by its URL (fsspec: local, s3, gs, http, …), reads what it
needs and returns its cross-spectra, some megabytes. Neighbours are added in a fixed order, and the place is located once:

    from pinhole import distributed, read_site
    site = read_site("prk.toml")
    result = distributed.locate(["s3://night/0001.wav", …], site, executor=distributed.Ray())

The result is the same, byte for byte, on any number of workers, whichever of them is lost on the way.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._analysis import Result
from .._analysis import locate as locate_one
from .._inputs import Progress, site_of
from .._site import Site
from .._spectra import Spectra
from ..errors import PinholeError, RequestError
from . import _tasks
from ._tree import tree_sum
from .executors import Dask, Executor, Processes, Ray, WorkersLost

__all__ = ["Dask", "Executor", "Job", "Located", "Processes", "Ray", "WorkersLost", "cross_spectra", "locate", "survey"]

Url = str | os.PathLike[str]
Captures = Sequence[Url | Sequence[Url]]
"""One URL a capture; a list of one URL a recorder where the site has several."""


def cross_spectra(
    captures: Captures,
    site: Site | str | os.PathLike[str],
    *,
    executor: Executor | None = None,
    slice_s: float | None = None,
    band_hz: tuple[float, float] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    skip_refused: bool = False,
    threads: int = 1,
    fan_in: int = 4,
    progress: Progress | None = None,
) -> Spectra:
    """The sum of what all captures heard.

    Captures longer than `slice_s` are cut into slices of about that length, a task each. `threads` are those of one task.
    A capture that is refused (not there, damaged, of another rate) ends it all, when every other has been heard and all that
    are refused can be named; with `skip_refused` they are left out with a warning.

    >>> from pinhole import distributed
    >>> with distributed.Processes(2) as two:  # doctest: +SKIP
    ...     distributed.cross_spectra(["monday.wav", "tuesday.wav"], "prk.toml", executor=two).duration_s
    """
    if not captures:
        raise RequestError("no capture given; name at least one URL")
    if fan_in < 2:
        raise RequestError(f"fan_in is {fan_in}; at least two matrices are added at a time")
    of_site, own = site_of(site, []), Processes() if executor is None else None
    runs = executor or own
    assert runs is not None
    told = progress or (lambda stage, share: None)
    try:
        sources = [_source(capture, storage_options) for capture in captures]
        parts = [1] * len(sources) if slice_s is None else _parts(runs, sources, slice_s, told)
        options = {"band_hz": band_hz, "threads": threads}
        leaves = [
            (_tasks.hear, (source, of_site, (k, of), options))
            for source, of in zip(sources, parts, strict=True)
            for k in range(1, of + 1)
        ]
        # Two a worker, so that none waits for its next; more would only be matrices that wait to be added.
        window = 2 * runs.workers
        summed = tree_sum(
            runs, leaves, _tasks.add, fan_in=fan_in, window=window, told=lambda share: told("listening", share)
        )
        heard: _tasks.Heard = runs.gather(summed)
    finally:
        if own is not None:
            own.close()
    if heard.refused:
        what = "; ".join(heard.refused[:5]) + (f"; and {len(heard.refused) - 5} more" if len(heard.refused) > 5 else "")
        if not skip_refused or heard.content is None:
            raise RequestError(what)
        warnings.warn(f"left out: {what}", stacklevel=2)
    assert heard.content is not None
    return Spectra.from_bytes(heard.content, "the sum")


def locate(
    captures: Captures,
    site: Site | str | os.PathLike[str],
    *,
    background: Captures = (),
    executor: Executor | None = None,
    slice_s: float | None = None,
    band_hz: tuple[float, float] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    skip_refused: bool = False,
    threads: int = 1,
    fan_in: int = 4,
    progress: Progress | None = None,
    **analysis: Any,
) -> Result:
    """Locates in the sum of all captures: heard by the executor's workers, added by them, located here, once.

    Arguments are those of `cross_spectra` here and, in `analysis`, of `pinhole.locate` (`leaks`, `alarm`, `prove`, `weighting`).
    Captures and backgrounds are summed alike.
    """
    of_site = site_of(site, [])

    def heard(of: Captures) -> Spectra:
        return cross_spectra(
            of,
            of_site,
            executor=executor,
            slice_s=slice_s,
            band_hz=band_hz,
            storage_options=storage_options,
            skip_refused=skip_refused,
            threads=threads,
            fan_in=fan_in,
            progress=progress,
        )

    summed = heard(captures)
    over = heard(background) if background else None
    return locate_one(summed, of_site, background=over, progress=progress, **analysis)


@dataclass(frozen=True)
class Job:
    """One location of many: its name, its captures (one a recorder), its site, and arguments of `pinhole.locate`."""

    name: str
    captures: Sequence[Url] | Url
    site: Site
    analysis: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Located:
    """What became of a job: its result, or why there is none."""

    name: str
    result: Result | None
    error: str | None


def survey(
    jobs: Iterable[Job],
    *,
    executor: Executor | None = None,
    storage_options: Mapping[str, Any] | None = None,
    threads: int = 1,
) -> Iterator[Located]:
    """Whole jobs, a task each, of as many sites as there are; each is told as it is done, and a bad one stops nothing.

    Jobs are taken from the iterable as workers get free: neither they nor their results need to fit into memory together.
    """
    own = Processes() if executor is None else None
    runs = executor or own
    assert runs is not None
    running: dict[Any, str] = {}
    waiting = iter(jobs)
    window = 2 * runs.workers
    try:
        while True:
            while len(running) < window and (job := next(waiting, None)) is not None:
                options = {"threads": threads, **job.analysis}
                handle = runs.submit(_tasks.whole, _source(job.captures, storage_options), job.site, options)
                running[handle] = job.name
            if not running:
                return
            for handle in runs.wait(list(running)):
                name = running.pop(handle)
                try:
                    made = runs.gather(handle)
                except PinholeError as error:
                    made = str(error)
                yield Located(name, None, made) if isinstance(made, str) else Located(name, made, None)
    finally:
        if own is not None:
            own.close()


def _source(capture: Url | Sequence[Url], storage_options: Mapping[str, Any] | None) -> _tasks.Source:
    urls = [capture] if isinstance(capture, (str, os.PathLike)) else list(capture)
    return _tasks.Source(tuple(os.fspath(url) for url in urls), dict(storage_options or {}))


def _parts(executor: Executor, sources: Sequence[_tasks.Source], slice_s: float, told: Progress) -> list[int]:
    """How many slices each capture is cut into."""
    if not slice_s > 0.0:
        raise RequestError(f"slice_s is {slice_s}; a slice is longer than nothing, as 60.0")
    lengths: dict[int, float | str] = {}
    running: dict[Any, int] = {}
    started = 0
    while len(lengths) < len(sources):
        while started < len(sources) and len(running) < 2 * executor.workers:
            running[executor.submit(_tasks.duration_s, sources[started])] = started
            started += 1
        for handle in executor.wait(list(running)):
            lengths[running.pop(handle)] = executor.gather(handle)
            told("measuring", len(lengths) / len(sources))
    # What cannot be measured is one task, which tells what is wrong with it.
    whole = [lengths[i] for i in range(len(sources))]
    return [1 if isinstance(one, str) else max(1, math.ceil(one / slice_s - 1e-9)) for one in whole]
