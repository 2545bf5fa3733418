"""Runs the Python blocks of a page from top to bottom, in one namespace, as a notebook would.

A `text` block directly after a `python` block is what it prints, to the letter; `…` stands for anything within a line. Run as a
program it does the same: `python guide.py docs/python.md`.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from pathlib import Path

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str) -> list[tuple[int, str, str]]:
    """Line, language and content of each block."""
    return [(text.count("\n", 0, found.start()) + 1, found[1], found[2]) for found in BLOCK.finditer(text)]


def run_page(path: Path) -> int:
    """Runs a page; gives the number of blocks that ran."""
    found = blocks(path.read_text(encoding="utf-8"))
    names: dict[str, object] = {"__name__": "__main__"}
    ran = 0
    for (line, language, code), after in zip(found, [*found[1:], (0, "", "")], strict=True):
        if language != "python":
            continue
        printed = io.StringIO()
        # Padded, so that a traceback tells the line of the page.
        compiled = compile("\n" * line + code, str(path), "exec")
        with contextlib.redirect_stdout(printed):
            exec(compiled, names)
        ran += 1
        if after[1] == "text":
            expected = "".join(".*?" if part == "…" else re.escape(part) for part in re.split("(…)", after[2].strip()))
            shown = "\n".join(row.rstrip() for row in printed.getvalue().strip().splitlines())
            assert re.fullmatch(expected, shown), f"{path.name}:{line} printed\n{shown}\nand the page says\n{after[2]}"
    return ran


if __name__ == "__main__":
    print(f"{run_page(Path(sys.argv[1]))} blocks ran")
