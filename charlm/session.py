"""One process's part of a run: the training loop, its evaluations and its checkpoints."""

import contextlib
import dataclasses
import itertools
import logging
import math
import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from charlm import bundle, checkpoints, journal, recipes, streams
from charlm.backend import keras, tf
from charlm.config import Config
from charlm.datasets import is_task
from charlm.errors import CheckpointError, DivergedError
from charlm.objectives.objective import Glimpse, Objective
from charlm.progress import open_bar
from charlm.text import escape_controls
from charlm.trainer import Trainer

CHECKPOINT_SECONDS = 60.0  #: after which the next step saves
MEASURED_STEPS, MEASURED_SECONDS = 10, 2.0  #: at least, before `minutes` become steps
MEASURED_SHARE = 0.1  #: of the time that is left, at most
PLANNED_STEPS = 200  #: the newest, whose median tells how long a step takes
PLANNED_SECONDS, PLANNED_SHARE = 60.0, 0.5  #: that a plan holds for, and of the time that is left, at most
MEASURED_CHUNKS = 4  #: of an evaluation

_SHARE = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"

log = logging.getLogger(__name__)


@dataclasses.dataclass
class Progress:
    """How far a run has come: what a checkpoint keeps beside the tensors."""

    step: int = 0
    steps: int | None = None  #: None while `minutes` are not yet turned into steps
    next_evaluation: int | None = None
    seconds: float = 0.0  #: of the whole run
    nats: float = 0.0  #: of the training text since the last line of the log
    characters: int = 0  #: of the training text since the last line of the log
    timed_characters: int = 0  #: the same, without steps that compile
    timed_seconds: float = 0.0
    best_nats_per_character: float = math.inf
    best_step: int | None = None
    evaluations_since_best: int = 0
    evaluation_seconds: float | None = None  #: what one takes, in a run that is planned by the clock
    is_finished: bool = False


class Session:
    """One process's part of a run.

    Args:
        folder: the run's.
        config: with nothing left open but how many steps `minutes` are.
        objective: what is learnt.
        about: what the bundle says of where it comes from.
        strategy: where the replicas are.
        started: `time.monotonic()` when the command began; the `minutes` of all sessions count from there.
        callbacks: Keras callbacks.
    """

    def __init__(
        self,
        folder: Path,
        config: Config,
        objective: Objective,
        about: dict[str, Any],
        strategy: "tf.distribute.Strategy",
        *,
        started: float,
        callbacks: Sequence["keras.callbacks.Callback"] = (),
    ):
        self.folder, self.config, self.objective, self.about = folder, config, objective, about
        self.started = started
        self.deadline = started + 60 * (config.training.minutes or 0)
        self.progress = Progress()
        self.steps_per_epoch = objective.steps_per_epoch
        rows = objective.batches(0).element_spec.rows
        self.trainer = Trainer(strategy, objective.make_model, config.training, rows=rows)
        self.callbacks = keras.callbacks.CallbackList(list(callbacks), model=self.trainer.model)
        self.steps_here = 0  # in this session
        self.step_seconds: list[float] = []
        self.logs: dict[str, float] = {}
        self.saved_step: int | None = None
        self.planned_until = -math.inf if config.training.minutes else math.inf
        self.is_interrupted = False
        self.bar: tqdm = tqdm(disable=True)

    def restore(self, checkpoint: checkpoints.Checkpoint) -> None:
        """Takes up a run where a checkpoint left it."""
        if checkpoint.state["about"]["corpus_sha256"] != self.about["corpus_sha256"]:
            raise CheckpointError(
                f"The corpus has changed since {self.folder} was begun. "
                "Give the same text to go on, or train anew into another folder."
            )
        for name, tokenizer in self.objective.tokenizers.items():
            if tokenizer.to_json() != (self.folder / f"{name}.json").read_text(encoding="utf-8"):
                raise CheckpointError(
                    f"The text gives another vocabulary than the one in {self.folder}: another version of `tokenizers` "
                    "may have made it. Train anew into another folder."
                )
        if checkpoint.tensors.keys() != self.trainer.tensors().keys():
            raise CheckpointError(
                f"{self.folder} was begun with another version of charlm, whose model had other weights. "
                "Train anew into another folder."
            )
        self.trainer.restore(checkpoint.tensors)
        self.progress = Progress(**checkpoint.state["progress"])
        self.deadline -= self.progress.seconds
        journal.cut(self.folder, self.progress.step)
        keep_best(self.folder, self.progress, self.trainer.weights())
        log.info("Going on from step %s.", f"{self.progress.step:,}")

    def run(self) -> None:
        """Trains until the run is finished."""
        if self.progress.step == 0:
            self._begin()
        with _interruptions(self), self._open_bar() as self.bar:
            self.callbacks.on_train_begin()
            self._loop()
            self.callbacks.on_train_end(self.logs)

    def _begin(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / journal.NAME).unlink(missing_ok=True)
        training, model = self.config.training, self.config.model
        log.info(
            f"{', '.join(model.cells)} of {model.units} units{', mogrified' if model.mogrify else ''}, "
            f"dropout {model.dropout:g}, weight-drop {model.weight_drop:g}: "
            f"{self.trainer.model.count_params():,} weights; {self.objective.describe()}; "
            f"{self.trainer.strategy.num_replicas_in_sync} replica(s), products in {training.precision}."
        )
        bundle.write_description(self.folder, self.config, self.about, self.objective.tokenizers)
        if not training.minutes:
            self.progress.steps = training.steps or max(round(training.epochs * self.steps_per_epoch), 1)
            self.progress.next_evaluation = recipes.next_evaluation(training, 0, self.progress.steps)

    def _loop(self) -> None:
        progress, dataset = self.progress, self.objective.batches(self.progress.step)
        self.saved_at = self.ready_at = time.monotonic()
        self.resumed_at = self.started
        self.callbacks.on_epoch_begin(progress.step // self.steps_per_epoch)
        for batch in dataset.as_numpy_iterator():
            epoch, within = divmod(progress.step, self.steps_per_epoch)
            if within == 0 and self.steps_here:
                self.callbacks.on_epoch_end(epoch - 1, self.logs)
                self.callbacks.on_epoch_begin(epoch)
            self.callbacks.on_train_batch_begin(within)
            self._step(batch)
            self.callbacks.on_train_batch_end(within, self.logs)
            self._follow_up()
            self.ready_at = time.monotonic()
            if progress.is_finished:
                self.callbacks.on_epoch_end(epoch, self.logs)
                return

    def _step(self, batch: streams.Batch) -> None:
        progress = self.progress
        rate = recipes.learning_rate(self.config.training, progress.step, progress.steps)
        nats, norm = self.trainer.step(batch, progress.step, rate)
        seconds, characters = time.monotonic() - self.ready_at, int(batch.characters)  # waiting for data included
        self.logs |= {"nats_per_character": nats / max(characters, 1), "gradient_norm": norm, "learning_rate": rate}
        progress.step += 1
        self._refuse_divergence(math.isfinite(nats) and math.isfinite(norm))
        if self.steps_here:  # the first one compiles
            self.step_seconds.append(seconds)
            progress.timed_seconds += seconds
            progress.timed_characters += characters
        self.steps_here += 1
        progress.nats += nats
        progress.characters += characters
        self._advance_bar(seconds, characters)

    def _follow_up(self) -> None:
        """Plans, evaluates, saves or stops after a step, where it is time to."""
        progress = self.progress
        is_last = progress.step == progress.steps
        if not is_last and time.monotonic() > self.planned_until and self._has_measured_steps():
            if progress.steps is None:
                self._plan(self._measure_evaluation())
            else:
                self._plan_again()  # what is due stays due, however often a run is resumed
        if progress.steps is not None:
            stops = is_last or getattr(self.trainer.model, "stop_training", False)
            if stops or progress.step == progress.next_evaluation:
                progress.is_finished = bool(stops)
                self._evaluate()
        is_due = self.is_interrupted or time.monotonic() - self.saved_at > CHECKPOINT_SECONDS
        if is_due and self.saved_step != progress.step:
            self._save()
        if self.is_interrupted and not progress.is_finished:
            raise KeyboardInterrupt(f"interrupted after step {progress.step:,}, and saved; --resume goes on")

    def _has_measured_steps(self) -> bool:
        """Tells whether enough steps are measured to plan by, or as many as there is time for."""
        measured = sum(self.step_seconds)
        enough = len(self.step_seconds) >= MEASURED_STEPS and measured >= MEASURED_SECONDS
        return enough or bool(self.step_seconds) and measured > MEASURED_SHARE * (self.deadline - time.monotonic())

    def _plan(self, evaluation_seconds: float) -> None:
        """Turns what is left of the `minutes` into steps."""
        training, progress, now = self.config.training, self.progress, time.monotonic()
        seconds_left = self.deadline - now
        self.planned_until = now + min(PLANNED_SHARE * seconds_left, PLANNED_SECONDS)
        if evaluation_seconds > seconds_left / 2 and not progress.steps:
            log.warning(
                "One validation takes about %.0f of the %.0f seconds left. Train for longer, or validate on less%s.",
                evaluation_seconds,
                max(seconds_left, 0),
                ": --split 98/1/1, say" if self._is_split() else "",
            )
        progress.steps, progress.next_evaluation = recipes.plan_minutes(
            training,
            done=progress.step,
            seconds_left=seconds_left,
            step_seconds=statistics.median(self.step_seconds[-PLANNED_STEPS:]),
            evaluation_seconds=evaluation_seconds,
        )
        self.bar.total, progress.evaluation_seconds = progress.steps, evaluation_seconds

    def _is_split(self) -> bool:
        """Tells whether the validation split is one by `--split`."""
        return not self.config.data.validation and not any(map(is_task, self.about["corpus"]))

    def _plan_again(self) -> None:
        """Follows a machine that changes its speed between two evaluations."""
        due, last = self.progress.next_evaluation, self.progress.steps
        self._plan(self.progress.evaluation_seconds)
        steps = self.progress.steps
        self.progress.next_evaluation = steps if due == last else min(due, steps)

    def _evaluate(self) -> None:
        """Evaluates and reports; a run of so many `minutes` then plans anew."""
        training, progress, begun = self.config.training, self.progress, time.monotonic()
        progress.next_evaluation = recipes.next_evaluation(training, progress.step, progress.steps)
        self._report(self._validate())  # the checkpoint knows of the next one
        if training.minutes and not progress.is_finished and self.step_seconds:
            self._plan(time.monotonic() - begun)

    def _measure_evaluation(self) -> float:
        """Returns the seconds that an evaluation takes, from its beginning, a sample and a checkpoint."""
        engine = self.objective.make_engine(self.trainer.weights())
        clock = [time.monotonic()]
        for _, share in itertools.islice(self.objective.price(engine), MEASURED_CHUNKS):  # noqa: B007 (the last one's)
            clock.append(time.monotonic())
        seconds = [after - before for before, after in itertools.pairwise(clock)]
        validation_seconds = statistics.median(seconds) * len(seconds) / share
        begun = time.monotonic()
        self.objective.show(engine)
        self._save()
        return validation_seconds + time.monotonic() - begun

    def _validate(self) -> float:
        """Returns the loss of the whole validation split, in nats per character."""
        nats, done = 0.0, 0.0
        with np.errstate(over="ignore", invalid="ignore"):  # weights that diverge are told of below
            self.engine = self.objective.make_engine(self.trainer.weights())
            with open_bar("validation", unit="", total=1.0, bar_format=_SHARE) as bar:
                for more, share in self.objective.price(self.engine):
                    nats += more
                    bar.update(share - done)
                    done = share
        self._refuse_divergence(math.isfinite(nats))
        return nats / self.objective.validation_characters

    def _refuse_divergence(self, is_finite: bool) -> None:
        if not is_finite:
            raise DivergedError(
                f"Step {self.progress.step}: the loss is no longer a finite number (learning rate "
                f"{self.logs['learning_rate']:.2g}, gradient norm {self.logs['gradient_norm']:.3g}). "
                f"{self.folder} keeps what was good before. Train into another folder, with a lower learning_rate or "
                "clip_norm."
            )

    def _report(self, nats_per_character: float) -> None:
        """Keeps the weights if they are the best so far, logs, shows a sample, saves."""
        progress, training = self.progress, self.config.training
        if nats_per_character < progress.best_nats_per_character:
            progress.best_nats_per_character, progress.best_step = nats_per_character, progress.step
            progress.evaluations_since_best = 0
        else:
            progress.evaluations_since_best += 1
        if progress.evaluations_since_best >= training.patience and not progress.is_finished:
            log.info("Stopped early: %d evaluations without a lower loss.", training.patience)
            progress.is_finished = True
        glimpse = self.objective.show(self.engine)
        self._count_time()
        line = {
            "step": progress.step,
            "epoch": progress.step / self.steps_per_epoch,
            "seconds": progress.seconds,
            "train_nats_per_character": progress.nats / max(progress.characters, 1),
            "valid_nats_per_character": nats_per_character,
            "characters_per_second": progress.timed_characters / max(progress.timed_seconds, 1e-9),
            "learning_rate": self.logs["learning_rate"],
            **glimpse.figures,
        }
        journal.append(self.folder, line)
        self.logs |= line
        progress.nats = progress.timed_seconds = 0.0
        progress.characters = progress.timed_characters = 0
        self._save()
        keep_best(self.folder, progress, self.trainer.weights())
        self._show(line, glimpse)  # last, as nobody may be reading

    def _count_time(self) -> None:
        now = time.monotonic()
        self.progress.seconds, self.resumed_at = self.progress.seconds + now - self.resumed_at, now

    def _save(self) -> None:
        self._count_time()
        state = {"config": self.config.to_dict(), "about": self.about, "progress": dataclasses.asdict(self.progress)}
        tensors = self.trainer.tensors()
        self._refuse_divergence(all(np.isfinite(tensor).all() for tensor in tensors.values()))
        checkpoints.save(self.folder, self.progress.step, tensors, state)
        self.saved_at, self.saved_step = time.monotonic(), self.progress.step

    def _show(self, line: dict[str, float], glimpse: Glimpse) -> None:
        if self.config.training.tensorboard:
            _write_summaries(self.folder / "tensorboard", line)
        bits = {name: line[f"{name}_nats_per_character"] / math.log(2) for name in ("train", "valid")}
        unit = self.config.model.loss_unit
        figures = (f", {name.replace('_', ' ')} {value:.3g}" for name, value in glimpse.figures.items())
        tqdm.write(
            f"step {self.progress.step:,} of {self.progress.steps:,}: {bits['valid']:.3f} bits per {unit} in "
            f"validation ({line['valid_nats_per_character']:.4f} nats), {bits['train']:.3f} in training"
            + "".join(figures),
            file=sys.stderr,
        )
        if glimpse.text:
            lines = escape_controls(glimpse.text).split("\n")
            tqdm.write("\n".join(f"  | {line}" for line in lines), file=sys.stderr)

    def _open_bar(self) -> tqdm:
        return tqdm(
            total=self.progress.steps,
            initial=self.progress.step,
            unit="step",
            disable=None,
            dynamic_ncols=True,
            bar_format="{desc}{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]",
        )

    def _advance_bar(self, seconds: float, characters: int) -> None:
        self.bar.update()
        bits = self.logs["nats_per_character"] / math.log(2)
        unit = self.config.model.loss_unit.removesuffix("acter")
        self.bar.set_postfix_str(f"{bits:.3f} bits/{unit}, {characters / seconds:,.0f} {unit}s/s", refresh=False)


def keep_best(folder: Path, progress: Progress, weights: Mapping[str, np.ndarray]) -> None:
    """Writes the weights to the bundle if they are the best: after their checkpoint, so that none are lost."""
    if progress.best_step == progress.step:
        nats = f"{progress.best_nats_per_character:.6f}"
        facts = {"step": str(progress.step), "validation_nats_per_character": nats}
        bundle.write_tensors(folder, weights, facts)


@contextlib.contextmanager
def _interruptions(session: Session) -> Iterator[None]:
    """Lets the first Ctrl-C end the step and save; a second one ends at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        session.is_interrupted = True
        signal.signal(number, before[number])
        # Not by `sys.stderr`, which may be in the middle of a line of its own, and refuses a second one within it.
        with contextlib.suppress(OSError):  # Ctrl-C may have ended who reads it
            os.write(2, b"\nSaving after this step. Press Ctrl-C again to stop without saving.\n")

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _write_summaries(folder: Path, line: dict[str, float]) -> None:
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step=line["step"]):
        for name in line.keys() - {"step"}:
            tf.summary.scalar(name, line[name])
    writer.close()
