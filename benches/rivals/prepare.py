"""What the rivals need: a Python environment, captures, programs. Made once in the work folder; what cannot be had is None."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = ["numpy", "scipy", "soundfile", "acoular", "pyroomacoustics", "mkl"]
FFTW_FLAGS = "--enable-single --enable-shared --disable-static --disable-fortran --disable-doc"
FFTW_SIMD = "--enable-sse2 --enable-avx --enable-avx2 --enable-fma --enable-avx512"


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, **options):
    """Runs a step of the preparation; its output goes to stderr."""
    say("  " + " ".join(map(str, command)))
    subprocess.run(list(map(str, command)), check=True, stdout=sys.stderr, **options)


def attempt(what, step):
    """What a step gives, or None with a word where it fails: a rival that is not to be had stops nothing."""
    try:
        return step()
    except (subprocess.CalledProcessError, OSError, StopIteration) as error:
        say(f"  {what} cannot be had: {error}")
        return None


@dataclass
class Tools:
    """Paths of what is measured; None where it cannot be had."""

    work: Path
    pinhole: Path
    planar: Path | None
    python: Path | None
    packages: dict
    fft: Path | None
    libraries: dict

    def has(self, package):
        return package in self.packages

    def versions(self):
        return ", ".join(f"{name} {version}" for name, version in self.packages.items())

    def script(self, name, *arguments):
        return [self.python, HERE / f"{name}.py", *arguments]

    def capture(self, channels=16, seconds=60, kind="int16"):
        """The folder of a capture, made where it is not there yet."""
        folder = self.work / f"{channels}x{seconds}{'' if kind == 'int16' else kind}"
        if not (folder / "capture.wav").exists():
            run(self.script("make_capture", folder, "--channels", channels, "--seconds", seconds, "--kind", kind))
        return folder


def tools(work, pinhole):
    say("making ready in " + str(work))
    if pinhole is None:
        run(["cargo", "build", "--release", "--manifest-path", HERE.parent.parent / "Cargo.toml"])
        target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent.parent / "target"))
        pinhole = target / "release" / "pinhole"
    python = attempt("Python's packages", lambda: environment(work))
    fft = attempt("a C compiler", lambda: compiled(work))
    return Tools(
        work=work,
        pinhole=pinhole.resolve(),
        planar=attempt("the planar rival", lambda: planar(work)),
        python=python,
        packages=versions(python) if python else {},
        fft=fft,
        libraries={
            "FFTW, Debian's build": attempt("FFTW", lambda: fftw_packaged(work)),
            "FFTW, AVX-512 build": attempt("FFTW with AVX-512", lambda: fftw_built(work)),
            "MKL": attempt("MKL", lambda: next((work / "venv/lib").glob("libmkl_rt.so*"))),
        },
    )


def environment(work):
    python = work / "venv/bin/python"
    if not python.exists():
        run([sys.executable, "-m", "venv", work / "venv"])
    known = versions(python)
    for package in PACKAGES:
        if package not in known:
            attempt(package, lambda: run([python, "-m", "pip", "install", "--quiet", package]))
    return python


def versions(python):
    """Of the packages that are there."""
    told = subprocess.run([python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True).stdout
    pairs = (line.split("==") for line in told.splitlines() if "==" in line)
    return {name.lower(): version for name, version in pairs if name.lower() in PACKAGES}


def planar(work):
    manifest = HERE / "planar" / "Cargo.toml"
    # Its flags are those of a program that is shipped, as pinhole's are.
    run(["cargo", "build", "--release", "--locked", "--manifest-path", manifest, "--target-dir", work / "target"])
    return work / "target" / "release" / "planar"


def compiled(work):
    run(["gcc", "-O2", "-o", work / "fft", HERE / "fft.c", "-ldl"])
    return work / "fft"


def fftw_packaged(work):
    """Debian's library, unpacked rather than installed."""
    folder = work / "fftw-debian"
    if not folder.exists():
        part = work / "fftw-debian.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        run(["apt-get", "download", "libfftw3-single3"], cwd=part)
        run(["dpkg", "-x", next(part.glob("*.deb")), part])
        part.rename(folder)
    return next(folder.glob("usr/lib/*/libfftw3f.so.3"))


def fftw_built(work):
    """The same version from Debian's sources for this processor; apt's lists are kept in the folder, not the system's."""
    folder = work / "fftw-built"
    library = folder / "build" / ".libs" / "libfftw3f.so.3"
    if library.exists():
        return library
    if "avx512f" not in Path("/proc/cpuinfo").read_text():
        raise OSError("this processor has no AVX-512")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "build").mkdir()
    (folder / "sources.d").mkdir()
    # The system's own sources, asked for sources too.
    for file in Path("/etc/apt/sources.list.d").glob("*.sources"):
        (folder / "sources.d" / file.name).write_text(file.read_text().replace("Types: deb\n", "Types: deb-src\n"))
    lists = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*.list")]
    lines = [line for file in lists if file.exists() for line in file.read_text().splitlines()]
    (folder / "sources.list").write_text("\n".join(f"deb-src{line[3:]}" for line in lines if line.startswith("deb ")) + "\n")
    apart = {"sourcelist": "sources.list", "sourceparts": "sources.d"}
    options = [f"-oDir::Etc::{key}={folder / name}" for key, name in apart.items()]
    options += [f"-oDir::State::lists={folder / 'lists'}", f"-oDir::Cache={folder / 'cache'}"]
    run(["apt-get", "--quiet", *options, "update"])
    run(["apt-get", "--quiet", *options, "source", "--download-only", "fftw3"], cwd=folder)
    run(["dpkg-source", "-x", next(folder.glob("fftw3*.dsc")), folder / "source"])
    flags = ["CFLAGS=-O3 -march=native -fomit-frame-pointer -fstrict-aliasing"]
    run(["../source/configure", "--quiet", *FFTW_FLAGS.split(), *FFTW_SIMD.split(), *flags], cwd=folder / "build")
    run(["make", "-s", f"-j{os.cpu_count()}"], cwd=folder / "build")
    return library


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
    return name + (", AVX-512" if any("avx512f" in line for line in lines) else "")
