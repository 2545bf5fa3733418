"""The tables: the reference job, many channels, the FFT core, reading, memory."""

import math
import os
import json
import statistics

from measure import Rival, in_turns, markdown, ratio, spread

BAND = "20..60kHz"
NEAR_M = 0.02  # a place is right within two steps of the grid
LIMIT_MB = {16: 64, 64: 200}


def locate(tools, folder, *flags):
    """The real program, verdict and uncertainty included, from its start to its exit."""
    out = tools.work / "out"
    asked = ["--band", BAND, "--weighting", "phat", "--no-plots", "--out", out, "--json", "--quiet"]
    return [tools.pinhole, "locate", folder / "capture.wav", *asked, *flags]


def rows_of_job(rivals, folder):
    """Of one job: the first rival is what the others are held against."""
    leak_m = json.loads((folder / "array.json").read_text())["leak_m"]
    first = rivals[0]
    for rival in rivals:
        if not rival.rounds:
            yield [rival.name, rival.note, "", "", "", "", ""]
            continue
        cpu, wall = rival.of("cpu_s"), rival.of("wall_s")
        told = rival.rounds[-1].told
        place_m = told["leaks"][0]["position_m"] if told.get("leaks") else told.get("place_m")
        right = "–" if place_m is None else "yes" if math.dist(place_m, leak_m) < NEAR_M else "no"
        scaled = "cpu_s" in told
        yield [
            rival.name + (f" ({rival.note})" if rival.note else ""),
            spread(cpu),
            "" if scaled else spread(wall),
            "" if scaled else f"{max(rival.of('peak_mb')):.0f}",
            f"{ratio(cpu, first.of('cpu_s')):.1f}",
            "" if scaled else f"{ratio(wall, first.of('wall_s')):.1f}",
            right,
        ]


HEADS = ["whole job", "CPU s", "wall s", "peak MB", "CPU / pinhole", "wall / pinhole", "found"]


def job(tools, arguments):
    """The reference job."""
    folder = tools.capture()
    cores = os.cpu_count()
    script = lambda name, needs, *flags: tools.script(name, folder, *flags) if tools.has(needs) else None  # noqa: E731
    planar = lambda threads: [tools.planar, folder, threads] if tools.planar else None  # noqa: E731
    rivals = [
        Rival("pinhole", locate(tools, folder)),
        Rival("pinhole, one thread", locate(tools, folder, "--threads", 1)),
        Rival("realfft, gemm, memory map; one thread", planar(1)),
        Rival(f"realfft, gemm, memory map; {cores} threads", planar(cores)),
        Rival("NumPy and SciPy, one thread", script("numpy_job", "scipy")),
        Rival(f"NumPy and SciPy, {cores} threads", script("numpy_job", "scipy", "--threads", cores)),
        Rival("Acoular", script("acoular_job", "acoular"), slow=True),
        Rival(
            "pyroomacoustics",
            script("pyroomacoustics_job", "pyroomacoustics"),
            slow=True,
            note="a tenth of the minute and a hundredth of the points, scaled",
        ),
        Rival("ODAS", None, note="neither in PyPI nor in Debian"),
    ]
    in_turns(rivals, arguments)
    print("### The reference job: 16 channels, 192 kHz, 60 s, int16\n")
    markdown(HEADS, rows_of_job(rivals, folder))


def many(tools, arguments):
    """The same with four times the channels."""
    folder = tools.capture(channels=64)
    rivals = [
        Rival("pinhole", locate(tools, folder), slow=True),
        Rival("realfft, gemm, memory map; one thread", [tools.planar, folder, 1] if tools.planar else None, slow=True),
        Rival("NumPy and SciPy, one thread", tools.script("numpy_job", folder) if tools.has("scipy") else None, slow=True),
    ]
    in_turns(rivals, arguments)
    print("### 64 channels\n")
    markdown(HEADS, rows_of_job(rivals, folder))


def fft(tools, arguments):
    """The FFT core: pinhole's with its window and the telling apart of channels, all others bare."""
    core = Rival("pinhole", [tools.pinhole, "bench", "--only", "core", "--json", "--quiet"])
    libraries = [
        Rival(name, [tools.fft, path, 32] if tools.fft and path else None, environment={"MKL_THREADING_LAYER": "SEQUENTIAL"})
        for name, path in tools.libraries.items()
    ]
    in_turns([core, *libraries], arguments)
    candidates = {"across_channels": "16 channels at once", "realfft": "realfft"}
    lengths = [row["length"] for row in core.rounds[0].told["fft"]]

    def own(candidate, row):
        return [1e6 * told["fft"][row][candidate]["median_s"] for told in core.of("told")]

    def rows():
        for row, length in enumerate(lengths):
            across = own("across_channels", row)
            theirs = [[told[str(length)] for told in rival.of("told")] for rival in libraries]
            cells = [spread(own(candidate, row)) for candidate in candidates]
            cells += [spread(values) if values else rival.note for rival, values in zip(libraries, theirs)]
            against = [own("realfft", row), *theirs]
            cells += [f"{100 / ratio(values, across):.0f} %" if values else "" for values in against]
            yield [str(length), *cells]

    print("### The FFT core: µs a channel; pinhole's part of each rival's time\n")
    names = [rival.name for rival in libraries]
    markdown(["length", *candidates.values(), *names, *(f"of {name}" for name in ["realfft", *names])], rows())


def read(tools, arguments):
    """Reading into single precision."""
    print("### Reading 16 channels, 20 s\n")

    def rows():
        for kind in ["int16", "int24", "float32"]:
            folder = tools.capture(seconds=20, kind=kind)
            capture = folder / "capture.wav"
            own = Rival("pinhole", [tools.pinhole, "bench", capture, "--only", "read", "--json", "--quiet"])
            other = Rival("soundfile", tools.script("read_soundfile", capture) if tools.has("soundfile") else None)
            in_turns([own, other], arguments)
            times = [{stage["name"]: stage["time"] for stage in told["job"]["stages"]} for told in own.of("told")]
            # The least of each process: reading takes so short that others are always in the way.
            reading = [time["read"]["least_s"] for time in times]
            hound = [time["read by hound's iterator"]["least_s"] for time in times]
            size_gb = capture.stat().st_size / 1e9
            rate = lambda seconds: f"{size_gb / statistics.median(seconds):.2f}"  # noqa: E731
            soundfile = other.of("cpu_s")
            yield [
                kind,
                rate(reading),
                rate(hound),
                rate(soundfile) if soundfile else other.note,
                f"{ratio(hound, reading):.1f}",
                f"{ratio(soundfile, reading):.1f}" if soundfile else "",
            ]

    markdown(["samples", "pinhole GB/s", "hound's iterator", "soundfile", "hound / pinhole", "soundfile / pinhole"], rows())


def memory(tools, arguments):
    """Peak memory, whatever the duration."""
    print("### Peak memory of `pinhole locate`\n")

    def rows():
        for channels, seconds in [(16, 60), (16, 600), (64, 60), (64, 150)]:
            rival = Rival(f"{channels} channels, {seconds} s", locate(tools, tools.capture(channels, seconds)), slow=True)
            in_turns([rival], arguments)
            told = f"{max(rival.of('peak_mb')):.0f}" if rival.rounds else rival.note
            yield [rival.name, told, str(LIMIT_MB[channels])]

    markdown(["capture", "peak MB", "wanted"], rows())
