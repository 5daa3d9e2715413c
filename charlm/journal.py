"""A run's `log.jsonl`: what every evaluation found, a JSON object a line."""

import json
import os
from pathlib import Path
from typing import Any

from charlm import files

NAME = "log.jsonl"


def append(folder: Path, line: dict[str, Any]) -> None:
    """Writes a line down; it is on the disk when this returns."""
    with (folder / NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> list[dict[str, Any]]:
    """Returns the lines, without what is none, as a kill or a full disk may leave; none where there is no log."""
    path = folder / NAME
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True) if path.is_file() else []
    return [parsed for line in lines if (parsed := _parse(line)) is not None]


def cut(folder: Path, step: int) -> None:
    """Drops the lines of steps after `step`, which are about to be taken again."""
    kept = [line for line in read(folder) if line["step"] <= step]
    files.write_text(folder / NAME, "".join(json.dumps(line) + "\n" for line in kept))


def _parse(line: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(line) if line.endswith("\n") else None
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) and isinstance(parsed.get("step"), int) else None
