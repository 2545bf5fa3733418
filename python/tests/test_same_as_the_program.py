"""The same bytes as the program's, whatever the capture is handed over as."""

import io

import numpy as np
import pytest
from conftest import scene, timeless

import pinhole

SAMPLES = ["tunnel", "tunnel_quiet", "tunnel_wall"]


@pytest.mark.parametrize("sample", SAMPLES)
def test_samples_are_located_as_by_the_program(sample, program, tmp_path):
    capture = f"samples/{sample}/capture.wav"
    formats = ["csv", "vtp", "geojson"]
    asked = [word for name in formats for word in ("--export", name)]
    told = program("locate", capture, "--json", "--quiet", "--out", tmp_path / "program", *asked)
    result = pinhole.locate(capture)
    assert timeless(result.json) == timeless(told)
    assert [key for key in result.json.splitlines() if "_s\":" not in key][:20] == [
        key for key in told.splitlines() if "_s\":" not in key
    ][:20]
    result.write(tmp_path / "package", export=formats)
    names = sorted(path.name for path in (tmp_path / "program").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "package").iterdir())
    for name in names:
        ours, theirs = ((tmp_path / folder / name).read_bytes() for folder in ("package", "program"))
        if name == "result.json":
            assert timeless(ours) == timeless(theirs)
        elif name != "report.html":  # its foot says how long each stage took
            assert ours == theirs, name
    assert result.picture("map") == (tmp_path / "program/map.png").read_bytes()
    assert result.summary == program("locate", capture, "--quiet", "--no-plots", "--out", tmp_path / "again")


@pytest.mark.parametrize("sample", SAMPLES)
def test_spectra_are_the_programs_files(sample, program, tmp_path):
    capture = f"samples/{sample}/capture.wav"
    program("spectra", capture, "--quiet", "-o", tmp_path / "whole.spectra")
    spectra = pinhole.cross_spectra(capture, threads=1)
    assert spectra.to_bytes() == (tmp_path / "whole.spectra").read_bytes()
    assert pinhole.read_spectra(tmp_path / "whole.spectra").to_bytes() == spectra.to_bytes()
    assert timeless(pinhole.locate(spectra, f"samples/{sample}/site.toml").json) == timeless(pinhole.locate(capture).json)
    # What the arrays are is what NumPy finds in the file.
    file = np.load(tmp_path / "whole.spectra")
    segments = file["segments"].sum()
    np.testing.assert_allclose(spectra.cross, file["cross"].sum(axis=0) / segments, rtol=1e-15)
    np.testing.assert_allclose(spectra.auto, file["auto"].sum(axis=0) / segments, rtol=1e-15)
    np.testing.assert_array_equal(spectra.pairs, file["pairs"])
    np.testing.assert_array_equal(spectra.frequency_hz, file["frequency_hz"])


def test_files_and_arrays_are_heard_as_the_path_is(panel):
    folder, made = panel
    by_path = pinhole.locate(folder / "capture.wav")
    expected = timeless(by_path.json, files=False)
    content = (folder / "capture.wav").read_bytes()
    samples = made.captures[0]
    by_channel = np.ascontiguousarray(samples.T)
    wide = np.zeros((len(samples), 11), np.int16)
    wide[:, 1::2] = samples
    odd = np.frombuffer(b"x" + samples.tobytes(), np.int16, offset=1).reshape(samples.shape)
    assert not odd.flags.aligned
    with open(folder / "capture.wav", "rb") as opened:
        for capture in [io.BytesIO(content), opened, samples, by_channel.T, wide[:, 1::2], odd, samples.astype(np.int32) << 16]:
            result = pinhole.locate(capture, made.site, sample_rate_hz=192_000)
            assert timeless(result.json, files=False) == expected, type(capture)
    assert pinhole.locate(samples, made.site, sample_rate_hz=192_000).capture.files == ("array",)
    # Floats have no smallest step, and the same samples otherwise.
    floats = (samples / np.float32(32768)).astype(np.float32)
    of_floats = pinhole.cross_spectra(floats, made.site, sample_rate_hz=192_000)
    np.testing.assert_array_equal(of_floats.cross, pinhole.cross_spectra(folder / "capture.wav").cross)


def test_flac_and_several_recorders_come_as_file_objects_too(program, panel, tmp_path):
    folder, made = panel
    # A filter over the whole band writes FLAC of the same length; what it writes is what both hear.
    program("filter", folder / "capture.wav", "--band", "5..90kHz", "-o", tmp_path / "capture.flac", "--quiet")
    by_path = pinhole.cross_spectra(tmp_path / "capture.flac", made.site)
    by_file = pinhole.cross_spectra(io.BytesIO((tmp_path / "capture.flac").read_bytes()), made.site)
    np.testing.assert_array_equal(by_path.cross, by_file.cross)
    text = scene(duration_s=0.2).replace("[[sensor]]", '[[recorder]]\nid = "A"\n[[recorder]]\nid = "B"\n[[sensor]]', 1)
    for channel, own in [(4, 1), (5, 2)]:
        text = text.replace(f"channel = {channel}\n", f'channel = {own}\nrecorder = "B"\n')
    both = pinhole.simulate("two.scene.toml", text=text, out=tmp_path)
    by_path = pinhole.cross_spectra([tmp_path / "capture_A.wav", tmp_path / "capture_B.wav"])
    by_array = pinhole.cross_spectra(both.captures, both.site, sample_rate_hz=192_000)
    mixed = pinhole.cross_spectra([tmp_path / "capture_A.wav", both.captures[1]], both.site, sample_rate_hz=192_000)
    assert len(by_path.sensors) == 5
    np.testing.assert_array_equal(by_path.cross, by_array.cross)
    np.testing.assert_array_equal(by_path.cross, mixed.cross)


def test_an_array_is_not_copied(panel):
    # 640 GB of address, one row of memory: a copy of any of it but the stretch asked for would be noticed.
    row = np.arange(1, 6, dtype=np.int16)[None, :]
    endless = np.broadcast_to(row, (64 << 30, 5))
    spectra = pinhole.cross_spectra(endless, panel[1].site, sample_rate_hz=192_000, from_s=0.0, to_s=0.1, identity="endless")
    assert spectra.duration_s == pytest.approx(0.1)


def test_plans_and_simulations_are_the_programs(program, panel, tmp_path):
    site = panel[0] / "site.toml"
    told = program("plan", "--site", site, "--duration", "10s", "--add", "1", "--json", "--no-plots", "--quiet", "--out", tmp_path)
    planned = pinhole.plan(site, duration_s=10.0, add=1)
    assert planned.json == told
    planned.write(tmp_path / "own", plots=False)
    assert (tmp_path / "own/plan.csv").read_bytes() == (tmp_path / "plan.csv").read_bytes()
    assert planned.added[0].rms_error_m < planned.added[0].rms_error_before_m
    cells = sum(len(one.error_m) for one in planned.maps)
    assert cells == len((tmp_path / "plan.csv").read_text().splitlines()) - 1
    assert planned.maps[0].position_m.shape == (len(planned.maps[0].u_m), 3)

    made = pinhole.simulate("samples/tunnel_quiet.scene.toml", out=tmp_path / "made")
    program("simulate", "samples/tunnel_quiet.scene.toml", "-o", tmp_path / "theirs", "--quiet")
    for name in ["capture.wav", "site.toml", "truth.json"]:
        assert (tmp_path / "made" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes(), name
    written = np.frombuffer((tmp_path / "made/capture.wav").read_bytes()[-made.captures[0].nbytes :], "<i2").reshape(-1, 8)
    np.testing.assert_array_equal(made.captures[0], written)
    assert made.truth["expect"] == "one leak" and made.site == pinhole.parse_site(made.site.text, made.site.file)


def test_twelve_slices_add_to_the_whole(tmp_path, program):
    made = pinhole.simulate("panel.scene.toml", text=scene(duration_s=9.0, snr_db=-10.0), out=tmp_path)
    parts = [pinhole.cross_spectra(tmp_path / "capture.wav", part=(k, 12)) for k in range(1, 13)]
    whole = pinhole.locate(tmp_path / "capture.wav")
    assert timeless(pinhole.locate(parts, made.site).json) == timeless(whole.json)
    for k, part in enumerate(parts):
        part.write(tmp_path / f"{k:02}.spectra")
    files = sorted(tmp_path.glob("*.spectra"))
    told = program("locate", *files, "--site", tmp_path / "site.toml", "--json", "--quiet", "--no-plots", "--out", tmp_path / "o")
    assert timeless(told) == timeless(whole.json)
    assert timeless(pinhole.locate(files, made.site).json) == timeless(whole.json)


def test_backgrounds_and_transients_are_taken(panel, tmp_path):
    folder, made = panel
    quiet = pinhole.simulate("quiet.scene.toml", text=scene(seed=8, duration_s=0.5, snr_db=-60.0))
    over = pinhole.locate(made.captures, made.site, background=quiet.captures, sample_rate_hz=192_000)
    assert over.verdict == "leak" and over.capture.background_files == ("array",)
    of_spectra = pinhole.locate(
        pinhole.cross_spectra(made.captures, made.site, sample_rate_hz=192_000),
        made.site,
        background=pinhole.cross_spectra(quiet.captures, made.site, sample_rate_hz=192_000),
    )
    assert timeless(of_spectra.json, files=False) == timeless(over.json, files=False)
    tap = scene().split("[[leak]]")[0].replace("duration_s = 0.1", "duration_s = 0.3")
    tap += '[[leak]]\nwall = "panel"\nu_m = 0.37\nv_m = 0.52\nlevel_db = -6\nspectrum = "white"\ntap_s = 0.15\n'
    made = pinhole.simulate("tap.scene.toml", text=tap, out=tmp_path)
    found = pinhole.locate(made.captures, made.site, transient=True, sample_rate_hz=192_000)
    assert len(found.events) == 1 and abs(found.events[0].time_s - 0.15) < 0.01
    by_path = pinhole.locate(tmp_path / "capture.wav", transient=True)
    assert timeless(by_path.json, files=False) == timeless(found.json, files=False)
