"""What the tests share: the repository, the program to compare with, and a small capture."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import pinhole

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("PINHOLE_PROGRAM", ROOT / "target/release/pinhole"))

PANEL = """
[site]
name = "panel"
[path]
kind = "air"
temperature_c = 22.0
pressure_kpa = 101.3
humidity_pct = 45.0
speed_sigma_pct = 0.1
[[wall]]
id = "panel"
shape = "plate"
origin_m = [0, 0, 0]
u_axis = [1, 0, 0]
v_axis = [0, 1, 0]
size_m = [1.0, 0.8]
"""
for _channel, _place in enumerate(
    ([0.05, 0.04, 0.31], [0.93, 0.09, 0.27], [0.88, 0.75, 0.33], [0.11, 0.71, 0.25], [0.47, 0.36, 0.52]), start=1
):
    PANEL += f'[[sensor]]\nid = "M{_channel}"\nchannel = {_channel}\nposition_m = {_place}\nposition_sigma_m = 0.0005\n'


def scene(seed: int = 7, duration_s: float = 0.1, snr_db: float = 10.0) -> str:
    """A panel under five microphones; the leak is at u 0.37 m, v 0.52 m."""
    return (
        f'{PANEL}[capture]\nsample_rate_hz = 192000\nduration_s = {duration_s}\nseed = {seed}\nformat = "int16"\n'
        f'noise_db = -40\n[[leak]]\nwall = "panel"\nu_m = 0.37\nv_m = 0.52\nsnr_db = {snr_db}\nspectrum = "white"\n'
    )


def timeless(text: str, files: bool = True) -> dict:
    """`result.json` but for timing, and for the names of files where they may differ."""
    record = json.loads(text)
    del record["timing_s"]
    if not files:
        del record["capture"]["files"]
        record["warnings"] = []
    return record


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def program():
    """Runs the program; gives its stdout, or its stderr where it is to fail."""
    if not PROGRAM.exists():
        pytest.fail(f"{PROGRAM} is not there: cargo build --release, or name it by PINHOLE_PROGRAM")

    def run(*arguments, fails=False):
        ran = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
        assert (ran.returncode != 0) == fails, ran.stderr
        return ran.stderr if fails else ran.stdout

    return run


@pytest.fixture(scope="session")
def panel(tmp_path_factory):
    """A capture of the panel, as files in a folder and as arrays."""
    folder = tmp_path_factory.mktemp("panel")
    made = pinhole.simulate("panel.scene.toml", text=scene(duration_s=0.5), out=folder)
    return folder, made
