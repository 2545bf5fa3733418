"""The same bytes from any number of processes, whichever of them dies."""

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
from conftest import scene, timeless

import pinhole

pytest.importorskip("fsspec")
from pinhole import distributed
from pinhole.distributed import _tasks
from pinhole.distributed._tree import tree_sum


class Here:
    """An executor that runs tasks when they are waited for, in an order of its own."""

    def __init__(self, workers, order):
        self.workers, self.order, self.log, self.most = workers, order, [], 0

    def submit(self, function, /, *arguments):
        task = [function, arguments]
        self.log.append(task)
        return _Hash(task)

    def wait(self, handles):
        self.most = max(self.most, len(handles))
        chosen = self.order(list(handles))
        function, arguments = chosen.task[:2]
        chosen.task.append(function(*(one.task[2] if isinstance(one, _Hash) else one for one in arguments)))
        return [chosen]

    def gather(self, handle):
        return handle.task[2]


class _Hash:
    def __init__(self, task):
        self.task = task


def last(handles):
    return handles[-1]


def first(handles):
    return handles[0]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 16, 17, 53])
@pytest.mark.parametrize("order", [first, last])
def test_the_tree_has_one_shape(count, order):
    def shape(workers):
        shares = []
        leaves = [(str, (i,)) for i in range(count)]
        runs = Here(workers, order)
        summed = tree_sum(runs, leaves, lambda *parts: f"({' '.join(parts)})", fan_in=3, window=4, told=shares.append)
        # No more wait than the window and a node's children on each level.
        assert runs.most <= 4 + 1 + count // 3
        assert shares == sorted(shares) and shares[-1] == 1.0
        return runs.gather(summed)

    assert shape(1) == shape(5)
    leaves = shape(1).replace("(", "").replace(")", "").split()
    assert leaves == [str(i) for i in range(count)]


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    """Six captures of the panel, the leak too weak for one of them."""
    folder = tmp_path_factory.mktemp("night")
    for i in range(6):
        made = pinhole.simulate("panel.scene.toml", text=scene(seed=20 + i, duration_s=0.3, snr_db=-12.0), out=folder / f"{i}")
    return [str(folder / f"{i}/capture.wav") for i in range(6)], made.site


def one_machine(captures, site, **options):
    return pinhole.locate([pinhole.cross_spectra(one, site, **options) for one in captures], site)


def test_processes_tell_what_one_machine_tells(captures):
    urls, site = captures
    with distributed.Processes(2) as two:
        found = distributed.locate(urls, site, executor=two, fan_in=2)
        again = distributed.cross_spectra([f"file://{url}" for url in urls], site, executor=two, fan_in=2)
    alone = distributed.cross_spectra(urls, site, executor=Here(1, last), fan_in=2)
    assert timeless(found.json) == timeless(one_machine(urls, site).json)
    assert found.verdict == "leak" and found.capture.duration_s == pytest.approx(6 * 0.3)
    assert [part.segments for part in (again, alone)] == [again.segments] * 2
    assert (again.cross == alone.cross).all() and (again.auto == alone.auto).all()


def test_long_captures_are_cut(captures, tmp_path):
    text = scene(duration_s=6.0, snr_db=-12.0)
    made = pinhole.simulate("panel.scene.toml", text=text, out=tmp_path)
    runs = Here(2, first)
    found = distributed.locate([str(tmp_path / "capture.wav")], made.site, executor=runs, slice_s=1.5)
    assert sum(function is _tasks.hear for function, *_ in runs.log) == 4
    whole = timeless(pinhole.locate(tmp_path / "capture.wav").json)
    assert timeless(found.json) == whole


def test_a_killed_process_loses_nothing(captures, tmp_path):
    urls, site = captures
    many = []
    for copy in range(5):
        for i, url in enumerate(urls):
            # The same sound under other names: as many captures, as far as the sum can tell.
            many.append(shutil.copy(url, tmp_path / f"{copy}_{i}.wav"))
    many = [str(Path(one)) for one in many]
    quiet = distributed.cross_spectra(many, site, executor=Here(1, first))
    killed = []
    with distributed.Processes(2) as two:

        def kill(stage, share):
            if share > 0.3 and not killed:
                killed.append(two.pids()[0])
                os.kill(killed[0], signal.SIGKILL)

        survived = distributed.cross_spectra(many, site, executor=two, progress=kill)
        assert killed and killed[0] not in two.pids()
    assert survived.to_bytes() == quiet.to_bytes()


def test_a_task_that_always_kills_its_process_ends_it():
    with distributed.Processes(1, retries=1) as one:
        task = one.submit(os._exit, 3)
        with pytest.raises(distributed.WorkersLost, match="died 2 times"):
            one.wait([task])


def test_what_is_refused_is_named_and_can_be_left_out(captures, tmp_path):
    urls, site = captures
    (tmp_path / "broken.wav").write_bytes(b"RIFF1234WAVE")
    bad = [urls[0], str(tmp_path / "none.wav"), urls[1], str(tmp_path / "broken.wav")]
    with pytest.raises(pinhole.RequestError, match=r"none\.wav.*broken\.wav"):
        distributed.cross_spectra(bad, site, executor=Here(1, first))
    with pytest.warns(UserWarning, match=r"left out: .*none\.wav"):
        kept = distributed.cross_spectra(bad, site, executor=Here(1, first), skip_refused=True)
    assert kept.files == (urls[0], urls[1])
    with pytest.raises(pinhole.RequestError, match="once more"):
        distributed.cross_spectra([urls[0], urls[0]], site, executor=Here(1, first))
    with pytest.raises(pinhole.RequestError, match="no capture given"):
        distributed.cross_spectra([], site)
    with pytest.raises(pinhole.RequestError, match="Protocol not known"):
        distributed.cross_spectra(["nowhere://x.wav"], site, executor=Here(1, first))


def test_a_store_is_read_by_ranges(captures):
    """Of a long remote capture a slice asks for its own bytes and little else."""
    import fsspec

    urls, site = captures
    store = fsspec.filesystem("memory")
    store.pipe_file("/night/0.wav", Path(urls[0]).read_bytes())
    by_store = distributed.cross_spectra(["memory://night/0.wav"], site, executor=Here(1, first))
    assert (by_store.cross == pinhole.cross_spectra(urls[0], site).cross).all()
    assert by_store.files == ("memory://night/0.wav",)


def test_a_survey_fans_out_whole_jobs(captures):
    urls, site = captures
    jobs = [distributed.Job(f"site {i}", url, site, {"prove": 0}) for i, url in enumerate(urls)]
    jobs.append(distributed.Job("missing", "none.wav", site))
    taken = []

    def lazily():
        for job in jobs:
            taken.append(job.name)
            yield job

    told = {}
    for row in distributed.survey(lazily(), executor=Here(1, first)):
        told[row.name] = row
        assert len(taken) <= len(told) + 2
    assert len(told) == 7 and "none.wav" in told["missing"].error
    for i, url in enumerate(urls):
        assert timeless(told[f"site {i}"].result.json) == timeless(pinhole.locate(url, site).json)


def test_dask_is_an_executor_too(captures):
    dask = pytest.importorskip("distributed")
    urls, site = captures
    with dask.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster:
        with dask.Client(cluster) as client:
            found = distributed.cross_spectra(urls, site, executor=distributed.Dask(client))
    assert found.to_bytes() == distributed.cross_spectra(urls, site, executor=Here(1, first)).to_bytes()


def test_progress_is_told_from_the_first_to_the_last(captures):
    shares = []
    distributed.cross_spectra(
        captures[0], captures[1], executor=Here(1, first), slice_s=0.15, progress=lambda *told: shares.append(told)
    )
    assert shares[0][0] == "measuring" and shares[-1] == ("listening", 1.0)


def test_nothing_runs_on_when_it_is_over():
    before = threading.active_count()
    with distributed.Processes(1) as one:
        one.gather(next(iter(one.wait([one.submit(time.sleep, 0.0)]))))
    assert threading.active_count() <= before + 1
