"""A trained model: its bundle, opened, and what is known about it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from charlm import bundle, journal
from charlm.config import Config
from charlm.datasets import is_task
from charlm.errors import ConfigError
from charlm.runtime.classifier import ClassificationEngine
from charlm.runtime.engines import VERBS, Engine, make_engine
from charlm.runtime.forecaster import ForecastEngine

AnyEngine = TypeVar("AnyEngine", bound=Engine)


class Trained:
    """A trained model, and what is known about it.

    Args:
        folder: a run's folder, or any folder with a bundle.

    Raises:
        BundleError: the bundle is missing, incomplete or altered.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)
        self.bundle = bundle.read(self.folder)
        self.config: Config = self.bundle.config
        self.tokenizer, self.source_tokenizer = self.bundle.tokenizer, self.bundle.source_tokenizer
        tokenizers = (self.tokenizer, self.source_tokenizer)
        self.engine = make_engine(self.config.model, *tokenizers, self.bundle.tensors)

    @property
    def labels(self) -> list[str]:
        """A classifier's labels, in alphabetical order; or the names of a forecaster's columns."""
        if not isinstance(self.engine, ForecastEngine):
            self.engine_of(ClassificationEngine, "classify")
        return self.tokenizer.entries()

    def check(self, verb: str) -> None:
        """Refuses a verb that the bundle cannot serve.

        Args:
            verb: one of those that `info["can"]` names.

        Raises:
            ConfigError: the bundle cannot; it says which tasks can.
        """
        if verb not in VERBS[self.config.model.task]:
            raise self.refusal([task for task, verbs in VERBS.items() if verb in verbs])

    def engine_of(self, kind: type[AnyEngine], task: str) -> AnyEngine:
        """Returns the engine, if it is of a kind; refuses what only a model of another task can."""
        if not isinstance(self.engine, kind):
            raise self.refusal([task])
        return self.engine

    def refusal(self, tasks: Sequence[str]) -> ConfigError:
        """Returns the error for what only models of other tasks can."""
        task = self.config.model.task
        *verbs, last = VERBS[task]
        return ConfigError(
            f"{self.folder} holds a model of the task '{task}', which can {', '.join(verbs)} and {last}. "
            f"Train with --task {' or '.join(tasks)} for this."
        )

    @property
    def log(self) -> list[dict[str, Any]]:
        """The evaluations during training, in order; empty where the bundle came without its log."""
        return journal.read(self.folder)

    @property
    def info(self) -> dict[str, Any]:
        """What there is to know about the bundle: a flat dictionary for `charlm info`."""
        can = [verb for verb in VERBS[self.config.model.task] if verb != "correct" or self.tokenizer.kind == "char"]
        labels = {"labels": self.labels} if self.tokenizer.kind == "label" else {}
        described = self.bundle.describe()
        if any(map(is_task, self.bundle.about.get("corpus", []))):
            described.pop("split", None)  # a generated task has splits of its own
        return {**described, **labels, "run": str(self.folder), "can": can}

    @property
    def tensors(self) -> dict[str, NDArray[Any]]:
        """The weights, by the names that they have in the bundle."""
        return self.bundle.tensors

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r})"
