"""A Ray cluster of several processes reads captures from an S3 server, both on this machine; a worker is killed in the middle.

    pip install '.[ray,s3]' pytest 'moto[server]'
    pytest -m cluster python/tests
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import scene, timeless

import pinhole

pytestmark = pytest.mark.cluster
CAPTURES = 60


@pytest.fixture(scope="module")
def store():
    """What opens URLs of an S3 server on this machine."""
    pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(url, timeout=1.0)
                break
            except OSError:
                time.sleep(0.1)
        yield {"key": "testing", "secret": "testing", "client_kwargs": {"endpoint_url": url, "region_name": "eu-central-1"}}
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def night(store, tmp_path_factory):
    """Sixty captures on disk and the same in a bucket; the site."""
    import fsspec

    s3 = fsspec.filesystem("s3", **store)
    s3.mkdir("night")
    paths, urls = [], []
    for i in range(CAPTURES):
        folder = tmp_path_factory.mktemp("capture")
        made = pinhole.simulate("panel.scene.toml", text=scene(seed=100 + i, duration_s=0.3, snr_db=-18.0), out=folder)
        paths.append(str(folder / "capture.wav"))
        urls.append(f"s3://night/{i:03}.wav")
        s3.put_file(paths[-1], urls[-1])
    return paths, urls, made.site


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


def workers_at_work(ray):
    """Processes of this cluster that hear a capture now."""
    raylet = ray._private.worker._global_node.all_processes["raylet"][0].process.pid
    listed = subprocess.run(["ps", "--ppid", str(raylet), "-o", "pid=,args="], capture_output=True, text=True).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "ray::hear" in line]


def test_nothing_is_lost_with_a_killed_worker_and_the_result_is_that_of_one_machine(cluster, store, night):
    from pinhole import distributed

    paths, urls, site = night
    killed, shares = [], []

    def kill(stage, share):
        shares.append(share)
        if stage == "listening" and share > 0.4 and len(killed) < 2:
            for pid in workers_at_work(cluster)[:1]:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    found = distributed.locate(
        urls, site, executor=distributed.Ray(memory_bytes=256 << 20), storage_options=store, progress=kill
    )
    assert killed, "no worker was at work when one was to be killed"
    assert found.capture.duration_s == pytest.approx(CAPTURES * 0.3) and list(found.capture.files) == urls
    # One machine: one process, the program's own order.
    alone = pinhole.locate([pinhole.cross_spectra(path, site) for path in paths], site)
    assert timeless(found.json, files=False) == timeless(alone.json, files=False)
    assert found.verdict == "leak"
    print(f"{len(killed)} workers killed, {CAPTURES} captures, {len(shares)} steps")


def test_what_is_not_in_the_bucket_is_named(cluster, store, night):
    from pinhole import distributed

    _, urls, site = night
    with pytest.raises(pinhole.RequestError, match="s3://night/none.wav: FileNotFoundError"):
        distributed.cross_spectra(
            [urls[0], "s3://night/none.wav"], site, executor=distributed.Ray(), storage_options=store
        )


def test_a_slice_of_a_long_capture_asks_for_its_own_bytes(store, night, tmp_path):
    import fsspec

    from pinhole import distributed
    from pinhole.distributed import _tasks

    made = pinhole.simulate("panel.scene.toml", text=scene(duration_s=30.0), out=tmp_path)
    s3 = fsspec.filesystem("s3", **store)
    s3.put_file(str(tmp_path / "capture.wav"), "s3://night/long.wav")
    size = (tmp_path / "capture.wav").stat().st_size
    asked = []
    original = s3.__class__._cat_file

    async def counted(self, path, *arguments, start=None, end=None, **options):
        asked.append((end or size) - (start or 0))
        return await original(self, path, *arguments, start=start, end=end, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3.__class__, "_cat_file", counted)
        source = _tasks.Source(("s3://night/long.wav",), store)
        _tasks.hear(source, made.site, (5, 10), {"threads": 1})
    if asked:
        # A tenth of it, and what is read ahead at either place.
        assert sum(asked) < size / 10 + 4 * _tasks.READ_BYTES
    whole = distributed.cross_spectra(
        ["s3://night/long.wav"], made.site, executor=distributed.Processes(2), storage_options=store, slice_s=5.0
    )
    assert (whole.cross == pinhole.cross_spectra(tmp_path / "capture.wav").cross).all()


def test_a_survey_runs_on_the_cluster(cluster, store, night):
    from pinhole import distributed

    paths, urls, site = night
    jobs = (distributed.Job(url, url, site) for url in urls[:4])
    told = {row.name: row for row in distributed.survey(jobs, executor=distributed.Ray(), storage_options=store)}
    for url, path in zip(urls[:4], paths, strict=False):
        assert timeless(told[url].result.json, files=False) == timeless(pinhole.locate(path, site).json, files=False)
