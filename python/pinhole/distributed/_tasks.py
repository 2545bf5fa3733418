"""What a worker does: hears captures by URL, adds matrices, or does a whole job."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from .._analysis import Result, locate
from .._site import Site
from .._sound import capture_info
from .._spectra import Spectra, cross_spectra, merge
from ..errors import FileError, PinholeError

READ_BYTES = 4 << 20
"""What is asked for at once of a store: the time to the first byte costs as much as some megabytes."""


@dataclass(frozen=True)
class Source:
    """Where captures are: one URL for each recorder, and what opens them."""

    urls: tuple[str, ...]
    storage_options: Mapping[str, Any]


@dataclass(frozen=True)
class Heard:
    """The file of a matrix, if anything was heard, and what was refused."""

    content: bytes | None
    refused: tuple[str, ...] = ()


class _Named:
    """An open file that is called by its URL."""

    def __init__(self, file: Any, url: str) -> None:
        self.read, self.seek, self.tell, self.name = file.read, file.seek, file.tell, url


def opened(source: Source, stack: ExitStack) -> tuple[list[Any], list[str]]:
    """Each capture as a path where it is local, else as an open file; and a word that changes when its bytes do."""
    import fsspec
    from fsspec.implementations.local import LocalFileSystem

    files: list[Any] = []
    words: list[str] = []
    for url in source.urls:
        try:
            store, path = fsspec.core.url_to_fs(url, **source.storage_options)
            words.append(f"{path} {store.ukey(path)}")
            if isinstance(store, LocalFileSystem):
                files.append(url.removeprefix("file://"))
            else:
                file = store.open(path, "rb", block_size=READ_BYTES, cache_type="readahead")
                files.append(_Named(stack.enter_context(file), url))
        except PinholeError:
            raise
        except Exception as error:  # a store's own exceptions have no common base, and may not be picklable
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise FileError(f"{url}: {what}") from None
    return files, words


def hear(source: Source, site: Site, part: tuple[int, int], options: Mapping[str, Any]) -> Heard:
    """The matrix of one part of captures."""
    try:
        with ExitStack() as stack:
            files, words = opened(source, stack)
            return Heard(cross_spectra(files, site, part=part, identity=words, **options).to_bytes())
    except PinholeError as error:
        return Heard(None, (str(error),))


def add(*parts: Heard) -> Heard:
    """Their sum, in the order given."""
    refused = tuple(one for part in parts for one in part.refused)
    try:
        heard = [Spectra.from_bytes(part.content) for part in parts if part.content is not None]
        return Heard(merge(*heard).to_bytes() if heard else None, refused)
    except PinholeError as error:
        return Heard(None, (*refused, str(error)))


def duration_s(source: Source) -> float | str:
    """Length of the shortest of the captures, or what is wrong with them."""
    try:
        with ExitStack() as stack:
            files, _ = opened(source, stack)
            return min(capture_info(file).duration_s for file in files)
    except PinholeError as error:
        return str(error)


def whole(source: Source, site: Site, options: Mapping[str, Any]) -> Result | str:
    """A whole location, or what is wrong with its captures."""
    try:
        with ExitStack() as stack:
            files, _ = opened(source, stack)
            return locate(files, site, **options)
    except PinholeError as error:
        return str(error)
