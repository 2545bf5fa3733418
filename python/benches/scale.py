"""What docs/performance.md says of a day of recording, measured: python python/benches/scale.py [PROGRAM]

Rates of the pass over samples (by the program and from an array), of adding and of locating, sizes, memory, and throughput by the number
of processes. Medians of rounds in turn; CPU seconds are user and system together.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

import pinhole
from pinhole import distributed

ROUNDS = 5


def site_text(channels: int) -> str:
    """A tunnel of 1 m radius with microphones spread over it evenly, a golden angle apart."""
    text = '[path]\nkind = "air"\ntemperature_c = 22\npressure_kpa = 101.3\nhumidity_pct = 45\n[[wall]]\nid = "barrel"\n'
    text += 'shape = "cylinder"\nbase_m = [0, 0, 0]\naxis = [0, 0, 1]\nseam = [1, 0, 0]\nradius_m = 1.0\nlength_m = 2.35\n'
    for i in range(channels):
        angle, z_m = 2.399963 * i, 0.2 + 1.95 * (i + 0.5) / channels
        place = [round(0.8 * float(np.cos(angle)), 4), round(0.8 * float(np.sin(angle)), 4), round(z_m, 4)]
        text += f'[[sensor]]\nid = "M{i + 1}"\nchannel = {i + 1}\nposition_m = {place}\nposition_sigma_m = 0.001\n'
    return text


def noise(channels: int, rate_hz: int, duration_s: float) -> np.ndarray:
    """What costs as much as a recording does."""
    random = np.random.default_rng(1)
    return random.integers(-3000, 3000, (int(rate_hz * duration_s), channels), np.int16)


def written(samples: np.ndarray, rate_hz: int, path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
    return path


def cpu_s(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def timed(work: Callable[[], object], who: int = resource.RUSAGE_SELF) -> tuple[float, float]:
    """Wall and CPU seconds."""
    start, before = time.perf_counter(), cpu_s(who)
    work()
    return time.perf_counter() - start, cpu_s(who) - before


def in_turn(works: dict[str, tuple[Callable[[], object], int]]) -> dict[str, tuple[float, float]]:
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, (work, who) in works.items():
            rows[name].append(timed(work, who))
    return {name: (statistics.median(w for w, _ in row), statistics.median(c for _, c in row)) for name, row in rows.items()}


def array_against_program(program: str, folder: Path, channels: int, rate_hz: int, duration_s: float) -> None:
    samples = noise(channels, rate_hz, duration_s)
    capture = written(samples, rate_hz, folder / f"{channels}.wav")
    (folder / "site.toml").write_text(site_text(channels))
    site = pinhole.read_site(folder / "site.toml")
    command = [program, "spectra", str(capture), "--quiet", "-o", str(folder / "x.spectra")]
    rows = in_turn(
        {
            "program": (lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), resource.RUSAGE_CHILDREN),
            "array": (
                lambda: pinhole.cross_spectra(samples, site, sample_rate_hz=rate_hz).write(folder / "y.spectra"),
                resource.RUSAGE_SELF,
            ),
            "no digest": (
                lambda: pinhole.cross_spectra(samples, site, sample_rate_hz=rate_hz, identity="x"),
                resource.RUSAGE_SELF,
            ),
        }
    )
    print(f"\n{channels} channels, {rate_hz / 1e3:.0f} kHz, {duration_s:.0f} s, {samples.nbytes / 1e6:.0f} MB of int16")
    for name, (wall_s, used_s) in rows.items():
        each = 1e6 * used_s / duration_s / channels
        print(f"  {name:10} {wall_s:6.3f} s, {used_s:6.3f} core-s, {each:.0f} core-µs a second of a channel")
    print(f"  speed of the array to the program's: {rows['program'][0] / rows['array'][0]:.2f} wall, "
          f"{rows['program'][1] / rows['array'][1]:.2f} CPU")
    parts = [pinhole.cross_spectra(samples, site, sample_rate_hz=rate_hz, part=(k, 4)) for k in range(1, 5)]
    content = parts[0].to_bytes()
    added = timed(lambda: pinhole.merge(*[pinhole.Spectra.from_bytes(part.to_bytes()) for part in parts]))
    print(f"  a matrix file {len(content) / 1e6:.1f} MB; writing, reading and adding four {added[1]:.3f} core-s")
    tool = "import resource,subprocess,sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    tool += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    most = subprocess.run([sys.executable, "-c", tool, *command, "--threads", "1"], capture_output=True, text=True, check=True)
    print(f"  peak memory of the pass, one thread: {int(most.stdout) / 1e3:.0f} MB")
    # Minutes with many channels, so last.
    located = timed(lambda: pinhole.locate(parts, site))
    print(f"  locating in the sum {located[0]:.2f} s, {located[1]:.2f} core-s")


def by_processes(folder: Path) -> None:
    samples = noise(16, 192_000, 20.0)
    (folder / "site.toml").write_text(site_text(16))
    names = []
    for i in range(24):
        samples[0, 0] = i
        names.append(str(written(samples, 192_000, folder / f"n{i}.wav")))
    total_s = 20.0 * len(names)
    print(f"\n{len(names)} captures of 16 channels, 192 kHz, 20 s, from disk; one thread a process")
    for count in (1, 2):
        with distributed.Processes(count) as pool:
            distributed.cross_spectra(names[:count], folder / "site.toml", executor=pool)
            rows = [timed(lambda: distributed.cross_spectra(names, folder / "site.toml", executor=pool)) for _ in range(3)]
        wall_s = statistics.median(wall for wall, _ in rows)
        driver_s = statistics.median(used for _, used in rows)
        print(f"  {count} processes: {wall_s:.2f} s, {total_s / wall_s:.0f} times real time; the driver itself {driver_s:.2f} core-s")


if __name__ == "__main__":
    program = sys.argv[1] if len(sys.argv) > 1 else "target/release/pinhole"
    with tempfile.TemporaryDirectory() as made:
        array_against_program(program, Path(made), 16, 192_000, 60.0)
        array_against_program(program, Path(made), 64, 500_000, 12.0)
        by_processes(Path(made))
