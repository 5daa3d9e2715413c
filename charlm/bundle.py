"""The bundle: a trained model as `config.json`, `tokenizer.json` and `model.safetensors`, whole or refused.

JSON and raw tensors: nothing in a bundle is run. `model.safetensors` carries, in its metadata, the sha256 of
its tensors, of the rest of its header and of the two other files; one rename replaces it.
"""

import contextlib
import hashlib
import json
import os
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
SOURCE_TOKENIZER = "source_tokenizer.json"  #: where a translator's sources have a vocabulary of their own
FORMAT = 1

_LARGEST = 1e6  #: of a weight: what products of such weights come to is in float32's range
_LARGEST_SCALE = 1e31  #: of a series' mean and deviation, which are as large as the series

Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Bundle:
    """What a bundle holds."""

    config: Config
    about: dict[str, Any]  #: where it comes from: charlm's version, the corpus, its hash
    tokenizer: Tokenizer
    source_tokenizer: Tokenizer  #: the same, where the sources of a translator have none of their own
    tensors: dict[str, NDArray[Any]]
    facts: dict[str, str]  #: what was known when the tensors were saved: step, loss

    def describe(self) -> dict[str, Any]:
        """Returns what there is to know about it: a flat dictionary."""
        model, data, tokenizer = self.config.model, self.config.data, self.source_tokenizer
        held_out = {name: file for name in ("validation", "test") if (file := getattr(data, name))}
        read = {"tokenizer": tokenizer.kind, "vocab_size": tokenizer.vocab_size, "embedding_dim": model.embedding_width}
        return {
            **{name: _number(fact) for name, fact in self.facts.items()},
            **self.about,
            "task": model.task,
            "cells": list(model.cells),
            "units": model.units,
            "parameters": int(sum(np.size(tensor) for tensor in self.tensors.values())),
            **({} if model.task == "forecast" else read),
            **(held_out or {"split": data.split}),
        }


def _number(fact: str) -> int | float | str:
    """Returns a fact as the number that it is, or as it stands."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(fact)
    return fact


def write_description(
    folder: Path, config: Config, about: Mapping[str, Any], tokenizers: Mapping[str, Tokenizer]
) -> None:
    """Writes `config.json` and the tokenizers, by their names; what lies there of another model goes."""
    for name in (MODEL, SOURCE_TOKENIZER):
        (folder / name).unlink(missing_ok=True)
    files.write_text(folder / CONFIG, to_json({"format": FORMAT, "about": dict(about), **config.to_dict()}))
    for name, tokenizer in tokenizers.items():
        files.write_text(folder / f"{name}.json", tokenizer.to_json())


def is_described(folder: Path) -> bool:
    """Tells whether a folder has a `config.json` that `write_description` wrote."""
    try:
        return {"format", "about"} <= json.loads((folder / CONFIG).read_text(encoding="utf-8")).keys()
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def write_tensors(folder: Path, tensors: Tensors, facts: Mapping[str, str]) -> None:
    """Replaces `model.safetensors` in one rename; the other files must be there, and no other process write here.

    Args:
        folder: the bundle.
        tensors: name → array.
        facts: strings to keep beside them, under the header's hash.
    """
    from safetensors.numpy import save

    for leftover in folder.glob(f".{MODEL}.*.tmp"):  # of a process that was killed here
        leftover.unlink(missing_ok=True)
    metadata = {**facts, **_hashes(folder, tensors, facts)}
    with files.replacing_file(folder / MODEL) as temporary:
        temporary.write_bytes(save({name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}, metadata))


def _hashes(folder: Path, tensors: Tensors, facts: Mapping[str, str]) -> dict[str, str]:
    contents = hashlib.sha256()
    for name in sorted(tensors):
        contents.update(np.asarray(tensors[name], order="C").data)
    header = [FORMAT, dict(facts), {name: [str(tensor.dtype), tensor.shape] for name, tensor in tensors.items()}]
    described = [name for name in (CONFIG, TOKENIZER, SOURCE_TOKENIZER) if (folder / name).is_file()]
    return {
        "format": str(FORMAT),
        "tensors_sha256": contents.hexdigest(),
        "header_sha256": hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest(),
        **{f"{Path(name).stem}_sha256": files.sha256(folder / name) for name in described},
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
            raise BundleError(
                f"{folder} is not a bundle: {name} is missing. Name a run's folder; a run has a whole bundle after its "
                "first evaluation."
            )
    tensors, metadata = _read_tensors(folder / MODEL)
    if metadata.get("format") != str(FORMAT):
        raise BundleError(
            f"{folder / MODEL} has format {metadata.get('format')}; this version of charlm reads {FORMAT}. "
            "Use the version that wrote it, or train again."
        )
    facts = {key: value for key, value in metadata.items() if key != "format" and not key.endswith("_sha256")}
    hashes = _hashes(folder, tensors, facts)
    for key in [*hashes, *(key for key in metadata if key.endswith("_sha256"))]:
        if metadata.get(key) != hashes.get(key):
            name = f"{key.removesuffix('_sha256')}.json"
            part = name if name in (CONFIG, TOKENIZER, SOURCE_TOKENIZER) else MODEL
            raise BundleError(
                f"{folder / part} is not what was saved: its sha256 has changed. Copy the bundle anew, or train again."
            )
    config, about = _read_config(folder / CONFIG)
    try:
        tokenizer = Tokenizer.load(folder / TOKENIZER)
        own = folder / SOURCE_TOKENIZER
        source_tokenizer = Tokenizer.load(own) if own.is_file() else tokenizer
    except TokenizerError as error:
        raise BundleError(f"A tokenizer of {folder} cannot be read: {error}") from None
    return Bundle(config, about, tokenizer, source_tokenizer, tensors, facts)


def _read_config(path: Path) -> tuple[Config, dict[str, Any]]:
    try:
        sections = json.loads(path.read_text(encoding="utf-8"))
        if sections["format"] != FORMAT or not isinstance(sections["about"], dict):
            raise ValueError("another format")
        corpus = sections["about"].get("corpus", [])
        if not isinstance(corpus, list) or not all(isinstance(name, str) and _is_path(name) for name in corpus):
            raise ValueError("the corpus is not a list of names")
        config = Config.from_dict(sections)
        if not all(_is_path(name or "") for name in (config.data.validation, config.data.test)):
            raise ValueError("what was held out has no name")
        return config, sections["about"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = str(error) if isinstance(error, CharlmError) else repr(error)
        raise BundleError(f"{path} cannot be read: {reason}") from None


def _is_path(name: str) -> bool:
    """Tells whether a file can have this name."""
    return b"\0" not in os.fsencode(name)  # raises a ValueError where it cannot be encoded


def _read_tensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
        for name, tensor in tensors.items():
            if tensor.dtype.isbuiltin != 1:  # a type that another package adds to NumPy
                raise ValueError(f"{name} is of {tensor.dtype}")
            largest = _LARGEST_SCALE if name.startswith("scale.") else _LARGEST
            if not (tensor.max(initial=0) <= largest and tensor.min(initial=0) >= -largest):  # nor is NaN
                raise ValueError(f"{name} holds values that are not finite, or beyond {largest:.0g}")
        return tensors, metadata
    except (SafetensorError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"{path} is cut short or altered: {error}. Copy the bundle anew, or train again.") from None
