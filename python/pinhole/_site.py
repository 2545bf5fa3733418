"""A site: walls, sensors and how sound travels, from a TOML file."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import _native
from .errors import FileError

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Sensor:
    """One sensor and the channel of its recorder's file, counted from 1."""

    id: str
    recorder: str
    channel: int
    position_m: Vector
    position_sigma_m: float
    used: bool


@dataclass(frozen=True)
class Wall:
    """A patch on which the leak may lie."""

    id: str
    shape: str


@dataclass(frozen=True)
class Site:
    """A valid site. It can be pickled: files that it names by relative paths go with it."""

    name: str
    walls: tuple[Wall, ...]
    recorders: tuple[str, ...]
    sensors: tuple[Sensor, ...]
    assumptions: tuple[str, ...]
    text: str = field(repr=False)
    file: str
    _native: _native.Site = field(repr=False, compare=False)
    _named: Mapping[str, bytes] = field(repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (self.text, self.file, dict(self._named))


def read_site(path: str | os.PathLike[str]) -> Site:
    """Reads a site file.

    Raises `RequestError`, with file, line and repair, for everything that is wrong in it.

    >>> import pinhole
    >>> site = pinhole.read_site("samples/tunnel/site.toml")
    >>> site.name, len(site.sensors), site.sensors[0].position_m
    ('tunnel', 8, (0.8119, 0.1726, 0.47))
    """
    file = os.fspath(path)
    try:
        text = Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FileError(f"{file}: not a text of UTF-8; is it a site file?") from None
    return parse_site(text, file)


def parse_site(text: str, file: str = "site.toml") -> Site:
    """A site from its text; `file` is the name that errors give, and other files are sought beside it.

    >>> import pinhole
    >>> pinhole.parse_site("[sight]")
    Traceback (most recent call last):
    pinhole.errors.RequestError: site.toml:1: the file: [path] is missing; needed: a table [path]
    """
    native = _native.Site(text, file)
    return Site(
        name=native.name,
        walls=tuple(Wall(*wall) for wall in native.walls),
        recorders=tuple(native.recorders),
        sensors=tuple(Sensor(s[0], s[1], s[2], (s[3][0], s[3][1], s[3][2]), s[4], s[5]) for s in native.sensors),
        assumptions=tuple(native.assumptions),
        text=text,
        file=file,
        _native=native,
        _named=_named_files(text, file),
    )


def _named_files(text: str, file: str) -> dict[str, bytes]:
    """What the site names by relative paths: meshes and dispersion curves."""
    tables = tomllib.loads(text)
    names = [wall.get("file") for wall in tables.get("wall", [])] + [tables.get("path", {}).get("dispersion")]
    relative = [name for name in names if isinstance(name, str) and not os.path.isabs(name)]
    return {name: (Path(file).parent / name).read_bytes() for name in relative}


def _unpacked(text: str, file: str, named: dict[str, bytes]) -> Site:
    if not named:
        return parse_site(text, file)
    with tempfile.TemporaryDirectory() as folder:
        # Names may climb out of the site's folder by `..`: the site is put as deep as they climb.
        deep = max(Path(name).parts.count("..") for name in named)
        beside = Path(folder, *["d"] * deep)
        for name, content in named.items():
            target = beside / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return parse_site(text, str(beside / Path(file).name))
