"""The bundle: a trained model as `config.json`, `tokenizer.json` and `model.safetensors`, whole or refused.

JSON and raw tensors: nothing in a bundle is run. `model.safetensors` carries, in its metadata, the sha256 of
its tensors, of the rest of its header and of the two other files; one rename replaces it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm import files
from charlm.config import Config, to_json
from charlm.errors import BundleError, CharlmError, TokenizerError
from charlm.tokenizer import Tokenizer

CONFIG, TOKENIZER, MODEL = "config.json", "tokenizer.json", "model.safetensors"
FORMAT = 1

Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Bundle:
    """What a bundle holds."""

    config: Config
    about: dict[str, Any]  #: where it comes from: charlm's version, the corpus, its hash
    tokenizer: Tokenizer
    tensors: dict[str, NDArray[Any]]
    facts: dict[str, str]  #: what was known when the tensors were saved: step, loss


def write_description(folder: Path, config: Config, about: Mapping[str, Any], tokenizer: Tokenizer) -> None:
    """Writes `config.json` and `tokenizer.json`; tensors that lie there belonged to others, and go."""
    (folder / MODEL).unlink(missing_ok=True)
    files.write_text(folder / CONFIG, to_json({"format": FORMAT, "about": dict(about), **config.to_dict()}))
    files.write_text(folder / TOKENIZER, tokenizer.to_json())


def write_tensors(folder: Path, tensors: Tensors, facts: Mapping[str, str]) -> None:
    """Replaces `model.safetensors` in one rename; the two other files must be there.

    Args:
        folder: the bundle.
        tensors: name → array.
        facts: strings to keep beside them, under the header's hash.
    """
    from safetensors.numpy import save

    metadata = {**facts, **_hashes(folder, tensors, facts)}
    with files.replacing_file(folder / MODEL) as temporary:
        temporary.write_bytes(save({name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}, metadata))


def _hashes(folder: Path, tensors: Tensors, facts: Mapping[str, str]) -> dict[str, str]:
    contents = hashlib.sha256()
    for name in sorted(tensors):
        contents.update(np.asarray(tensors[name], order="C").data)
    header = [FORMAT, dict(facts), {name: [str(tensor.dtype), tensor.shape] for name, tensor in tensors.items()}]
    return {
        "format": str(FORMAT),
        "tensors_sha256": contents.hexdigest(),
        "header_sha256": hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest(),
        "config_sha256": files.sha256(folder / CONFIG),
        "tokenizer_sha256": files.sha256(folder / TOKENIZER),
    }


def read(folder: Path) -> Bundle:
    """Reads and verifies a bundle.

    Raises:
        BundleError: a file is missing, cut short or altered, or of another format.
    """
    for name in (CONFIG, TOKENIZER, MODEL):
        if not (folder / name).is_file():
            if not folder.is_dir():
                reason = "it is a file" if folder.exists() else "there is no such folder"
                raise BundleError(f"{folder} is not a bundle: {reason}. Name a folder that `charlm train` made.")
            raise BundleError(f"{folder} is not a bundle: {name} is missing. A run has one after its first evaluation.")
    tensors, metadata = _read_tensors(folder / MODEL)
    if metadata.get("format") != str(FORMAT):
        raise BundleError(
            f"{folder / MODEL} has format {metadata.get('format')}; this version of charlm reads {FORMAT}."
        )
    facts = {key: value for key, value in metadata.items() if key != "format" and not key.endswith("_sha256")}
    for key, digest in _hashes(folder, tensors, facts).items():
        if metadata.get(key) != digest:
            part = {"config_sha256": CONFIG, "tokenizer_sha256": TOKENIZER}.get(key, MODEL)
            raise BundleError(
                f"{folder / part} is not what was saved: its sha256 has changed. Copy the bundle anew, or train again."
            )
    config, about = _read_config(folder / CONFIG)
    try:
        return Bundle(config, about, Tokenizer.load(folder / TOKENIZER), tensors, facts)
    except TokenizerError as error:
        raise BundleError(f"{folder / TOKENIZER} cannot be read: {error}") from None


def _read_config(path: Path) -> tuple[Config, dict[str, Any]]:
    try:
        sections = json.loads(path.read_text(encoding="utf-8"))
        if sections["format"] != FORMAT or not isinstance(sections["about"], dict):
            raise ValueError("another format")
        return Config.from_dict(sections), sections["about"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = str(error) if isinstance(error, CharlmError) else repr(error)
        raise BundleError(f"{path} cannot be read: {reason}") from None


def _read_tensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"{path} is cut short or altered: {error}. Copy the bundle anew, or train again.") from None
