"""Who runs tasks: processes of this machine, a Ray cluster, a Dask cluster. Three methods make one."""

from __future__ import annotations

import concurrent.futures
import functools
import itertools
import multiprocessing
import os
import pickle
import tempfile
import weakref
from collections.abc import Callable, Collection
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Protocol

from ..errors import PinholeError

__all__ = ["Dask", "Executor", "Processes", "Ray", "WorkersLost"]


class WorkersLost(PinholeError):
    """Workers died more often than a task is tried again."""


class Executor(Protocol):
    """Runs functions somewhere else. Handles are hashable; what they stand for stays where it was made until it is gathered."""

    @property
    def workers(self) -> int:
        """How many tasks run at once."""
        ...

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Starts `function(*arguments)`; an argument that is a handle, and done, stands for its result."""
        ...

    def wait(self, handles: Collection[Any]) -> Collection[Any]:
        """Waits until some of these are done, well or not, and tells which."""
        ...

    def gather(self, handle: Any) -> Any:
        """The result, or the exception, of one that is done."""
        ...


class _Task:
    """A function that is run again where its process dies. Its result is a file until it is gathered."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...], result: Path) -> None:
        self.function, self.arguments, self.result = function, arguments, result
        self.tries = 0
        self.future: concurrent.futures.Future[None] = concurrent.futures.Future()
        weakref.finalize(self, result.unlink, missing_ok=True)


def _into_file(result: Path, function: Callable[..., Any], arguments: tuple[Any, ...], files: tuple[int, ...]) -> None:
    """Runs in a process of its own. Those of the `arguments` that are named by number are read from their files."""
    known = (pickle.loads(one.read_bytes()) if i in files else one for i, one in enumerate(arguments))
    # A process that is killed while its result is in a pipe leaves half of it there, and everybody waits for the rest.
    result.write_bytes(pickle.dumps(function(*known), protocol=pickle.HIGHEST_PROTOCOL))


class Processes:
    """Processes of this machine; a task whose process dies is run again, up to `retries` times.

    Used as a context manager, or for as long as the program runs.
    """

    def __init__(self, workers: int | None = None, *, retries: int = 3) -> None:
        self._workers = workers or os.cpu_count() or 1
        self._retries = retries
        self._folder = tempfile.TemporaryDirectory(prefix="pinhole-")
        self._names = itertools.count()
        self._pool = self._new_pool()

    @property
    def workers(self) -> int:
        return self._workers

    def pids(self) -> list[int]:
        """The processes that run now."""
        return list(self._pool._processes or {})

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> _Task:
        for one in arguments:
            if isinstance(one, _Task):
                one.future.result()
        task = _Task(function, arguments, Path(self._folder.name) / str(next(self._names)))
        self._start(task)
        return task

    def wait(self, handles: Collection[_Task]) -> list[_Task]:
        while True:
            concurrent.futures.wait([task.future for task in handles], return_when=concurrent.futures.FIRST_COMPLETED)
            done = [task for task in handles if task.future.done()]
            lost = [task for task in done if isinstance(task.future.exception(), BrokenProcessPool)]
            for task in lost:
                self._start(task)
            told = [task for task in done if task not in lost]
            for task in told:
                # What it was made of is not needed again.
                task.arguments = ()
            if told:
                return told

    def gather(self, handle: _Task) -> Any:
        handle.future.result()
        return pickle.loads(handle.result.read_bytes())

    def close(self) -> None:
        """Ends the processes."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._folder.cleanup()

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, task: _Task) -> None:
        if task.tries > self._retries:
            raise WorkersLost(f"processes died {task.tries} times under the same task; out of memory? take fewer workers")
        task.tries += 1
        arguments = tuple(one.result if isinstance(one, _Task) else one for one in task.arguments)
        files = tuple(i for i, one in enumerate(task.arguments) if isinstance(one, _Task))
        call = functools.partial(_into_file, task.result, task.function, arguments, files)
        try:
            task.future = self._pool.submit(call)
        except BrokenProcessPool:
            self._pool.shutdown(wait=False)
            self._pool = self._new_pool()
            task.future = self._pool.submit(call)

    def _new_pool(self) -> concurrent.futures.ProcessPoolExecutor:
        # A forked process has the locks of threads that it does not have.
        context = multiprocessing.get_context("spawn")
        return concurrent.futures.ProcessPoolExecutor(self._workers, mp_context=context)


class Ray:
    """A Ray cluster: the one that this program is connected to, or the one at `address`, or a new one of this machine.

    `memory_bytes` and `cpus` are what a task is given: Ray starts no more of them on a machine than fit. A task whose worker or
    machine is lost is run again, up to `retries` times; so are tasks whose results were lost with a machine.
    """

    def __init__(
        self, address: str | None = None, *, cpus: float = 1.0, memory_bytes: int | None = None, retries: int = 3
    ) -> None:
        import ray

        self._ray: Any = ray
        if not self._ray.is_initialized():
            self._ray.init(address=address, log_to_driver=False, include_dashboard=False)
        self._options: dict[str, Any] = {"num_cpus": cpus, "max_retries": retries}
        if memory_bytes is not None:
            self._options["memory"] = memory_bytes
        self._cpus = cpus
        self._remote: dict[Callable[..., Any], Any] = {}

    @property
    def workers(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("CPU", 1.0) / self._cpus))

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        if function not in self._remote:
            self._remote[function] = self._ray.remote(function).options(**self._options)
        return self._remote[function].remote(*arguments)

    def wait(self, handles: Collection[Any]) -> list[Any]:
        some, _ = self._ray.wait(list(handles), num_returns=1, fetch_local=False)
        more, _ = self._ray.wait(list(handles), num_returns=len(handles), timeout=0, fetch_local=False)
        return list(more or some)

    def gather(self, handle: Any) -> Any:
        try:
            return self._ray.get(handle)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except (self._ray.exceptions.WorkerCrashedError, self._ray.exceptions.OutOfMemoryError) as error:
            raise WorkersLost(f"workers died more often than {self._options['max_retries']} times under the same task: {error}") from None


class Dask:
    """A Dask cluster, by its client; lost tasks are run again as the scheduler is set up (`allowed-failures`)."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def workers(self) -> int:
        return max(1, int(sum(self._client.nthreads().values())))

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        return self._client.submit(function, *arguments, pure=False)

    def wait(self, handles: Collection[Any]) -> list[Any]:
        import distributed

        wait: Any = distributed.wait
        return list(wait(list(handles), return_when="FIRST_COMPLETED").done)

    def gather(self, handle: Any) -> Any:
        return handle.result()
