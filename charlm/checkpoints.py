"""Training state on disk: the newest good checkpoint is the one that counts, and two are kept."""

import json
import logging
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file
from safetensors.numpy import save as serialize

from charlm import files

FOLDER = "checkpoints"
KEPT = 2

_TENSORS, _STATE, _MANIFEST = "tensors.safetensors", "state.json", "manifest.json"
_NAME = re.compile(r"step-(\d+)")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """All that a run needs to go on as if it had never stopped."""

    step: int
    tensors: dict[str, np.ndarray]  #: weights, optimiser, carried state
    state: dict[str, Any]  #: config, about, progress


def save(run: Path, step: int, tensors: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> None:
    """Writes a checkpoint aside, flushes it with a manifest of sizes and hashes, renames it, drops the oldest.

    Args:
        run: the run's folder.
        step: how many steps are done.
        tensors: name → array.
        state: anything that JSON can hold.
    """
    with files.replacing_folder(run / FOLDER / f"step-{step:09d}") as folder:
        contiguous = {name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}
        (folder / _TENSORS).write_bytes(serialize(contiguous))
        (folder / _STATE).write_text(json.dumps(state), encoding="utf-8")
        (folder / _MANIFEST).write_text(json.dumps(_manifest(folder)), encoding="utf-8")
    for old in _folders(run)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def load(run: Path) -> Checkpoint | None:
    """Reads the newest checkpoint that is whole; None where there is none. Damaged ones are removed."""
    for leftover in (run / FOLDER).glob(".step-*.tmp"):
        shutil.rmtree(leftover, ignore_errors=True)
    for folder in reversed(_folders(run)):
        try:
            if json.loads((folder / _MANIFEST).read_text(encoding="utf-8")) != _manifest(folder):
                raise ValueError("sizes or hashes differ from the manifest's")
            state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
            return Checkpoint(int(folder.name.removeprefix("step-")), load_file(folder / _TENSORS), state)
        except (FileNotFoundError, NotADirectoryError, ValueError, SafetensorError) as error:
            log.warning("%s is damaged (%s) and is removed.", folder, error)
            shutil.rmtree(folder, ignore_errors=True)
    return None


def _folders(run: Path) -> list[Path]:
    return sorted(path for path in (run / FOLDER).glob("step-*") if _NAME.fullmatch(path.name))


def _manifest(folder: Path) -> dict[str, list[Any]]:
    return {name: [(folder / name).stat().st_size, files.sha256(folder / name)] for name in (_TENSORS, _STATE)}
