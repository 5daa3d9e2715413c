"""`train()`: from corpora and settings to a trained run."""

import contextlib
import dataclasses
import functools
import importlib.util
import logging
import os
import platform
import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from charlm import __version__, bundle, checkpoints, datasets, files, recipes, splits
from charlm.backend import (
    count_devices,
    has_bfloat16,
    has_gpu,
    keras,
    measure_products,
    most_replicas,
    open_strategy,
    tf,
)
from charlm.config import BUDGETS, PAIR_TASKS, Config, DataConfig
from charlm.corpus import Store, prepare
from charlm.errors import CheckpointError, ConfigError
from charlm.objectives.bidirectional import BidirectionalObjective
from charlm.objectives.classification import ClassificationObjective
from charlm.objectives.forecasting import ForecastObjective
from charlm.objectives.language import LanguageObjective
from charlm.objectives.objective import Objective
from charlm.objectives.translation import TranslationObjective
from charlm.options import unknown_name
from charlm.pairs import PairStore, prepare_pairs
from charlm.run import Run
from charlm.series import SeriesStore, prepare_series, read_series
from charlm.session import Progress, Session, keep_best
from charlm.tokenizer import Tokenizer

log = logging.getLogger(__name__)

_HELD_OUT = ("validation", "test")
_LOCK = ".lock"  #: in a run's folder


def train(
    corpus: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str] | None = None,
    *,
    preset: str | None = None,
    resume: bool = False,
    started: float | None = None,
    callbacks: Sequence["keras.callbacks.Callback"] = (),
    **settings: Any,
) -> Run:
    """Trains a model on text and leaves it in a folder, with its log and checkpoints.

    Args:
        corpus: a file, a folder, a glob, `-`, the name of a corpus, or several of these.
        output: the run's folder; `runs/` and the corpus's name where it is None.
        preset: one of `recipes.PRESETS`; `settings` win over it.
        resume: go on from the newest checkpoint; start afresh if there is none; do nothing on a finished run.
        started: `time.monotonic()` from which a run's `minutes` count, if not from now.
        callbacks: told of the beginning and end of training, epochs and batches, with their logs; a learning rate that
            they set has no effect, as it follows the schedule.
        **settings: the fields of `charlm.config`: `minutes`, `units`, `layers`, …

    Returns:
        The run, with the best weights.

    Raises:
        CharlmError: a setting, the corpus or the run's folder is not as it should be, or the loss diverged.
        MemoryError: the model and a batch do not fit.
        KeyboardInterrupt: after Ctrl-C, once the state is saved.
    """
    started = time.monotonic() if started is None else started
    names = [os.fspath(name) for name in ([corpus] if isinstance(corpus, str | os.PathLike) else corpus)]
    folder = Path(output or Path("runs", _name(names)))
    with _alone_in(folder):
        try:
            return _train(names, folder, preset, settings, resume=resume, started=started, callbacks=callbacks)
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError("the model and a batch do not fit. Lower units, batch_size or replicas") from error


def _train(names, folder, preset, settings, *, resume, started, callbacks) -> Run:
    checkpoint = _open_folder(folder, resume=resume)
    datasets.tell_hidden(names)
    held_out = {split: settings[split] for split in _HELD_OUT if isinstance(settings.get(split), str | os.PathLike)}
    settings |= {split: datasets.lasting_name(os.fspath(name)) for split, name in held_out.items()}
    settings = _with_start(settings, is_begun=checkpoint is not None)
    own, settings = settings.keys(), _with_preset(preset, settings)
    defaults = _defaults(names, settings)
    if checkpoint is None:
        config = Config.from_settings(settings, usual=defaults)
        if config.data.split != DataConfig.split and any(map(datasets.is_task, names)):
            raise ConfigError(
                f"A generated task has splits of its own. Received: split={config.data.split!r}. Leave out split."
            )
    else:
        config = Config.from_dict(checkpoint.state["config"])
        is_finished = checkpoint.state["progress"]["is_finished"]
        _refuse_other_settings(folder, config, settings, own=own, is_finished=is_finished)
        moved = {split: settings[split] for split in held_out}
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, **moved))
        if is_finished:
            log.info("%s is finished: nothing to do.", folder)
            prefix = "model/"
            weights = {n.removeprefix(prefix): t for n, t in checkpoint.tensors.items() if n.startswith(prefix)}
            keep_best(folder, Progress(**checkpoint.state["progress"]), weights)  # it may have been killed before that
            return Run(folder)
    config, strategy = _settle(config)
    kind, store = _prepare(names, config, None if checkpoint is None else folder)
    if checkpoint is None and config.training.minutes:
        rows = config.training.batch_size // strategy.num_replicas_in_sync
        unfit = {"mogrify"} if has_gpu() else set()  # for cuDNN's layers, which are quicker
        config = recipes.recommend(
            config,
            {*settings, *defaults, *unfit},
            ids=store.training_ids,
            ids_a_pair=store.ids_a_pair if isinstance(store, PairStore) else None,
            vocab_size=store.tokenizer.vocab_size,
            seconds=started + 60 * config.training.minutes - time.monotonic(),
            rate=functools.partial(measure_products, strategy, config.training.precision, rows),
        )
    objective, about = kind(store, config), _describe(names, store)
    session = Session(folder, config, objective, about, strategy, started=started, callbacks=callbacks)
    if checkpoint is not None:
        session.restore(checkpoint)
    session.run()
    return Run(folder)


def _name(names: list[str]) -> str:
    """Returns the name of a run whose folder is not given."""
    stem = Path(names[0]).resolve().stem if names else ""
    return stem if re.fullmatch(r"\w[\w .-]*", stem) else "run"


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a run's folder, on other machines too. Where none was begun, nothing is left."""
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder} is a file. Name another folder with -o.")
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.locked(folder / _LOCK, wait=False))
        except BlockingIOError:
            raise CheckpointError(
                f"Another process is training in {folder}. Wait for it, or name another folder."
            ) from None
        try:
            yield
        finally:
            if not bundle.is_described(folder):
                (folder / _LOCK).unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # it holds something else
                    folder.rmdir()


def _with_preset(preset: str | None, settings: dict[str, Any]) -> dict[str, Any]:
    if preset is not None and preset not in list(recipes.PRESETS):
        raise unknown_name(str(preset), list(recipes.PRESETS), noun="preset")
    if preset is not None and settings.get("start") is not None:
        raise ConfigError(f"`start` brings its own network. Received: preset={preset!r}. Leave out preset.")
    defaults = dict(recipes.PRESETS[preset]) if preset else {}
    if "," in str(settings.get("cell")):
        defaults.pop("layers", None)  # the cells say how many
    return {**defaults, **settings}


def _with_start(settings: dict[str, Any], *, is_begun: bool) -> dict[str, Any]:
    """Adds the network of the run that a classifier begins with; a run that has begun needs it no more."""
    if settings.get("start") is None:
        return settings
    if settings.get("task", "classify") != "classify":
        raise ConfigError(f"`start` is for a classifier. Received: task={settings['task']!r}. Leave out start.")
    settings = {"task": "classify"} | settings | {"start": os.path.abspath(str(settings["start"]))}
    if is_begun:
        return settings
    begun = bundle.read(Path(str(settings["start"]))).config
    if begun.model.task != "language":
        raise ConfigError(f"`start` must be a run of --task language. {settings['start']} is of {begun.model.task}.")
    own = {name: getattr(begun.model, name) for name in ("cell", "layers", "units", "embedding_dim", "mogrify")}
    own |= {name: getattr(begun.data, name) for name in ("tokenizer", "vocab_size")}
    for name in own.keys() & settings.keys():
        if settings[name] != own[name]:
            raise ConfigError(
                f"`start` brings its own network, with {name}={own[name]!r}. "
                f"Received: {name}={settings[name]!r}. Leave out {name}."
            )
    return settings | own


def _defaults(names: list[str], settings: dict[str, Any]) -> dict[str, Any]:
    """Returns what the corpora and the task begin with, for those settings that the user left open."""
    task = str(settings.get("task", datasets.learnt_by(names[0]) if len(names) == 1 else "language"))
    return {"task": task, **recipes.DEFAULTS.get(task, {}), **datasets.usual_settings(names)}


def _open_folder(folder: Path, *, resume: bool) -> checkpoints.Checkpoint | None:
    """Returns the checkpoint to go on from, None to start afresh."""
    if resume and bundle.is_described(folder):
        checkpoint = checkpoints.load(folder)
        if checkpoint is None and (folder / bundle.MODEL).exists():
            raise CheckpointError(
                f"{folder} has a model but no checkpoint to go on from. Keep it, and train anew into another folder."
            )
        return checkpoint
    if any(folder.glob("[!.]*")):
        is_run = bundle.is_described(folder)
        remedy = "Pass --resume to go on with it, or name" if is_run else "It holds something else than a run: name"
        raise CheckpointError(f"{folder} exists already. {remedy} another folder with -o.")
    return None


def _refuse_other_settings(
    folder: Path, config: Config, settings: dict[str, Any], *, own: Collection[str], is_finished: bool
) -> None:
    """Refuses to go on with other settings than a run was begun with; those that are not `own` are a preset's."""
    saved = config.settings()
    for name, value in settings.items():
        if name not in saved:
            raise unknown_name(name, list(saved))
        value = os.fspath(value) if isinstance(value, os.PathLike) else value
        has_moved = name in _HELD_OUT and saved[name] is not None  # perhaps; what is in it is compared later
        if has_moved or value in (saved[name], None, "auto"):
            continue
        if name == "replicas":
            log.warning("%s was begun with %s replica(s): --replicas is ignored.", folder, saved[name])
        else:
            begun = f"without {name}" if saved[name] is None else f"with {name}={saved[name]!r}"
            idle = name if name in own else "preset"
            remedy = "It is finished: train" if is_finished else f"Leave {idle} out to go on, or train"
            raise CheckpointError(
                f"{folder} was begun {begun}. Received: {name}={value!r}. {remedy} anew into another folder."
            )


def _settle(config: Config) -> tuple[Config, "tf.distribute.Strategy"]:
    """Fills in what the user left open: a budget, the precision, and a replica a device as far as a batch divides."""
    training = config.training
    if not any(getattr(training, budget) for budget in BUDGETS):
        training = dataclasses.replace(training, minutes=recipes.DEFAULT_MINUTES)
    if training.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise ConfigError("`tensorboard` needs TensorBoard. Install it with: pip install tensorboard")
    if training.precision == "auto":
        training = dataclasses.replace(training, precision="bfloat16" if has_bfloat16() else "float32")
    wanted = 1 if training.distribute == "none" else training.replicas
    if wanted is not None and training.batch_size % wanted:
        raise ConfigError(
            "`batch_size` must be a multiple of `replicas`. "
            f"Received: batch_size={training.batch_size}, replicas={wanted}."
        )
    wanted = wanted or most_replicas(training.batch_size, count_devices())
    strategy = open_strategy(wanted)
    if training.batch_size % strategy.num_replicas_in_sync:
        strategy = open_strategy(most_replicas(training.batch_size, strategy.num_replicas_in_sync))
    replicas = strategy.num_replicas_in_sync
    if replicas != wanted:
        log.warning(
            "%d replica(s) instead of %d, as there are no more devices, or TensorFlow had started before: "
            "batches and dropout will differ.",
            replicas,
            wanted,
        )
    return dataclasses.replace(config, training=dataclasses.replace(training, replicas=replicas)), strategy


def _prepare(
    names: list[str], config: Config, resumed: Path | None
) -> tuple[Callable[..., Objective], Store | PairStore | SeriesStore]:
    """Returns what is learnt, and from what; a run that goes on does so in its folder."""
    held_out = splits.held_out_names(config)
    if config.model.task == "forecast":
        if len(names) != 1 or held_out:
            raise ConfigError("A forecaster learns one series, split in time. Name it alone, without --validation.")
        window = config.training.sequence_length + config.model.follow
        return ForecastObjective, prepare_series(read_series(names[0], config.reading), config.data, window=window)
    if config.model.task not in PAIR_TASKS:
        texts = {split: datasets.read_corpus(files, config.reading) for split, files in held_out.items()}
        kind = LanguageObjective if config.model.task == "language" else BidirectionalObjective
        names = splits.without_held_out(names, held_out)
        return kind, prepare(datasets.read_corpus(names, config.reading), config.data, held_out=texts)
    pairs = splits.read_pairs(names, held_out, config)
    if config.model.task != "classify":
        return TranslationObjective, prepare_pairs(pairs, config.data)
    if config.model.start is None:
        return ClassificationObjective, prepare_pairs(pairs, config.data, labels=True)
    if resumed is not None:  # with weights of its own: what it began with may be gone
        tokenizer = Tokenizer.load(resumed / bundle.SOURCE_TOKENIZER)
        return ClassificationObjective, prepare_pairs(pairs, config.data, labels=True, source_tokenizer=tokenizer)
    begun = Run(config.model.start)  # refuses tensors that are not a language model's
    tensors = {name: tensor for name, tensor in begun.tensors.items() if not name.startswith("output.")}
    kind = functools.partial(ClassificationObjective, start=tensors)
    return kind, prepare_pairs(pairs, config.data, labels=True, source_tokenizer=begun.tokenizer)


def _describe(names: list[str], store: Store | PairStore | SeriesStore) -> dict[str, Any]:
    about = {"charlm": __version__, "corpus": [*map(datasets.lasting_name, names)], "corpus_sha256": store.sha256}
    if any(name in datasets.BUILT_IN for name in names):
        about["python"] = platform.python_version()
    return about
