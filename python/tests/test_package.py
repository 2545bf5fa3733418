"""What is handed out: frozen, picklable, shown in notebooks; and errors in the program's own words."""

import dataclasses
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import scene

import pinhole


@pytest.fixture(scope="module")
def result():
    return pinhole.locate("samples/tunnel_quiet/capture.wav")


def test_results_are_frozen_and_typed(result):
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.verdict = "no-leak"
    leak = result.leaks[0]
    assert isinstance(leak, pinhole.Leak) and isinstance(leak.wall, pinhole.WallPlace)
    assert isinstance(leak.position_m, tuple) and len(leak.covariance_uv_m2) == 2
    assert all(isinstance(pair, pinhole.PairReport) for pair in result.pairs)
    with pytest.raises(ValueError, match="read-only"):
        result.maps[0].response_db[0, 0] = 0.0


def test_maps_are_arrays_of_the_walls(result):
    by_wall = {one.wall: one for one in result.maps}
    barrel = by_wall[result.leaks[0].wall.id]
    row, column = np.unravel_index(barrel.response_db.argmax(), barrel.response_db.shape)
    cell_m = abs(barrel.v_m[1] - barrel.v_m[0]), abs(barrel.u_m[0, 1] - barrel.u_m[0, 0])
    # The strongest cell holds the leak, to a cell's diagonal.
    off_m = np.linalg.norm(barrel.position_m[row, column] - result.leaks[0].position_m)
    assert off_m <= np.hypot(*cell_m)
    np.testing.assert_allclose(np.hypot(*barrel.position_m[..., :2].T), 1.0, rtol=1e-12)


def test_a_notebook_shows_the_map(result):
    shown = result._repr_html_()
    assert "data:image/png;base64,iVBOR" in shown and "Leak on barrel" in shown
    assert result.picture("module").startswith(b"\x89PNG")
    with pytest.raises(pinhole.RequestError, match="no plot is called 'mapp'; known: map, module"):
        result.picture("mapp")


def test_results_and_spectra_travel(result, tmp_path):
    there = pickle.loads(pickle.dumps(result))
    assert (there.json, there.leaks, there._repr_html_()) == (result.json, result.leaks, result._repr_html_())
    np.testing.assert_array_equal(there.maps[0].response_db, result.maps[0].response_db)
    assert pickle.loads(pickle.dumps(there)).json == result.json
    with pytest.raises(pinhole.RequestError, match="write it where it was made"):
        there.write(tmp_path)
    spectra = pinhole.cross_spectra("samples/tunnel_quiet/capture.wav")
    assert pickle.loads(pickle.dumps(spectra)).to_bytes() == spectra.to_bytes()


def test_a_site_travels_with_its_mesh(tmp_path):
    (tmp_path / "meshes").mkdir()
    mesh = "v 0 0 0\nv 1 0 0\nv 1 0.8 0\nv 0 0.8 0\nf 1 2 3\nf 1 3 4\n"
    (tmp_path / "meshes/panel.obj").write_text(mesh)
    text = scene().split("[capture]")[0]
    start, end = text.index('shape = "plate"'), text.index("[[sensor]]")
    text = text[:start] + 'shape = "mesh"\nfile = "../meshes/panel.obj"\n' + text[end:]
    (tmp_path / "site").mkdir()
    (tmp_path / "site/site.toml").write_text(text)
    site = pinhole.read_site(tmp_path / "site/site.toml")
    packed = pickle.dumps(site)
    for path in [tmp_path / "meshes/panel.obj", tmp_path / "site/site.toml"]:
        path.unlink()
    there = pickle.loads(packed)
    assert there.walls == site.walls and there.sensors == site.sensors
    # And on from there: what it names is gone by then, and is carried along all the same.
    assert pickle.loads(pickle.dumps(there)).sensors == site.sensors


def test_other_python_runs_meanwhile(panel):
    # The callback comes from a thread of the pool while the caller waits: with the interpreter locked it would wait for ever.
    heard = []
    pinhole.cross_spectra(
        panel[0] / "capture.wav", threads=1, progress=lambda stage, share: heard.append((threading.get_ident(), stage, share))
    )
    assert heard[-1][1:] == ("listening", 1.0)
    assert threading.get_ident() not in {thread for thread, _, _ in heard}
    with pytest.raises(ZeroDivisionError):
        pinhole.cross_spectra(panel[0] / "capture.wav", progress=lambda stage, share: 1 / 0)


def test_errors_are_the_programs_own_words(program, tmp_path, panel):
    folder, made = panel
    (tmp_path / "broken.wav").write_bytes(b"RIFF1234WAVE")
    (tmp_path / "site.toml").write_text(made.site.text.replace("channel = 5", "channel = 6"))

    def both(kind, capture, site, *flags, **arguments):
        with pytest.raises(kind) as raised:
            pinhole.locate(capture, site, **arguments)
        told = program("locate", capture, "--site", site, *flags, "--no-plots", "--quiet", "--out", tmp_path / "o", fails=True)
        assert told.removeprefix("pinhole: ").strip() == str(raised.value)
        assert isinstance(raised.value, pinhole.PinholeError)

    both(pinhole.FileError, tmp_path / "none.wav", folder / "site.toml")
    both(pinhole.BrokenFileError, tmp_path / "broken.wav", folder / "site.toml")
    both(pinhole.RequestError, folder / "capture.wav", tmp_path / "site.toml")
    both(pinhole.RequestError, folder / "capture.wav", folder / "site.toml", "--from", "2s", from_s=2.0)
    both(pinhole.RequestError, folder / "capture.wav", folder / "site.toml", "--band", "20..200kHz", band_hz=(2e4, 2e5))
    (tmp_path / "cut.spectra").write_bytes(pinhole.cross_spectra(folder / "capture.wav").to_bytes()[:-100])
    both(pinhole.BrokenFileError, tmp_path / "cut.spectra", folder / "site.toml")


@pytest.mark.parametrize(
    ("told", "call"),
    [
        ("give sample_rate_hz", lambda site, a: pinhole.locate(a, site)),
        ("give site=", lambda site, a: pinhole.locate(a, sample_rate_hz=192_000)),
        ("frames × channels", lambda site, a: pinhole.locate(a[:, 0], site, sample_rate_hz=192_000)),
        ("complex128", lambda site, a: pinhole.locate(a.astype(complex), site, sample_rate_hz=192_000)),
        ("no samples", lambda site, a: pinhole.locate(a[:0], site, sample_rate_hz=192_000)),
        ("3 channels", lambda site, a: pinhole.locate(a[:, :3], site, sample_rate_hz=192_000)),
        ("no capture given", lambda site, a: pinhole.locate([], site)),
        ("(3, 12)", lambda site, a: pinhole.cross_spectra(a, site, sample_rate_hz=192_000, part=(13, 12))),
        ("at least one", lambda site, a: pinhole.merge()),
        ("1 to 16", lambda site, a: pinhole.locate(a, site, sample_rate_hz=192_000, leaks=0)),
        ("scot, phat, plain", lambda site, a: pinhole.locate(a, site, sample_rate_hz=192_000, weighting="scott")),
        ("between 0 and 1", lambda site, a: pinhole.locate(a, site, sample_rate_hz=192_000, alarm=0.0)),
        ("captures and spectra", lambda site, a: pinhole.locate([a, pinhole.cross_spectra(a, site, sample_rate_hz=192_000)], site)),
        ("longer than nothing", lambda site, a: pinhole.plan(site, duration_s=0.0)),
        ("how many with add", lambda site, a: pinhole.plan(site, rail_m=[(0, 0, 1)])),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(told, call, panel):
    with pytest.raises(pinhole.PinholeError) as raised:
        call(panel[1].site, panel[1].captures[0])
    assert told in str(raised.value)


def test_what_is_no_sound_is_refused_with_channel_and_time(panel):
    samples = panel[1].captures[0] / np.float32(32768)
    samples[9600, 2] = np.nan
    with pytest.raises(pinhole.BrokenFileError, match=r"array: channel 3: sample at 0.050000 s is not a finite number"):
        pinhole.cross_spectra(samples, panel[1].site, sample_rate_hz=192_000)


def test_a_file_object_that_fails_is_told_of(panel):
    class Failing:
        name = "tape 7"

        def read(self, count):
            raise ConnectionResetError("the far end hung up")

        def seek(self, to, whence=0):
            return 0

        def tell(self):
            return 0

    with pytest.raises(pinhole.FileError, match="tape 7.*the far end hung up"):
        pinhole.cross_spectra(Failing(), panel[1].site)


def test_maps_become_xarray(result):
    xarray = pytest.importorskip("xarray")
    map_ = result.maps[0].to_xarray()
    assert map_.dims == ("v", "u") and map_.attrs["units"] == "dB"
    assert float(map_.max()) == result.maps[0].response_db.max()
    spectra = pinhole.cross_spectra("samples/tunnel_quiet/capture.wav").to_xarray()
    assert isinstance(spectra, xarray.Dataset)
    assert spectra.coherence2.sel(pair="M1-M2").mean() > 0.1


def test_maps_are_plotted(result, tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    ax = result.maps[0].plot()
    assert ax.get_xlabel() == "u (m)"
    ax.figure.savefig(tmp_path / "map.png")


def test_the_package_says_that_it_is_typed():
    folder = Path(pinhole.__file__).parent
    assert (folder / "py.typed").exists() and (folder / "_native.pyi").exists()
    assert pinhole.__version__.count(".") == 2
