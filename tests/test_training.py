import errno
import functools
import itertools
import json
import logging
import math
import os
import random
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from conftest import read_log
from resuming import StopAfter, assert_goes_on_exactly, losses
from safetensors.numpy import load_file

import charlm
from charlm import checkpoints, session, training
from charlm.backend import keras, open_strategy, tf
from charlm.config import Config, ModelConfig
from charlm.errors import CharlmError, CheckpointError, ConfigError, CorpusError, DivergedError
from charlm.models.language_model import LanguageModel
from charlm.tasks.markov import MarkovSource
from charlm.trainer import Adam, Trainer


def test_a_run_has_a_bundle_a_log_and_checkpoints(trained):
    lines = read_log(trained.folder)
    assert [line["step"] for line in lines] == [30, 60]
    assert list(lines[0]) == [
        "step",
        "epoch",
        "seconds",
        "train_nats_per_character",
        "valid_nats_per_character",
        "characters_per_second",
        "learning_rate",
    ]
    assert lines[1]["train_nats_per_character"] < lines[0]["train_nats_per_character"] < math.log(40)
    assert lines[1]["characters_per_second"] > 0
    assert sorted(path.name for path in (trained.folder / "checkpoints").iterdir()) == [
        "step-000000030",
        "step-000000060",
    ]
    config = json.loads((trained.folder / "config.json").read_text())
    assert config["training"]["steps"] == 60
    assert config["about"]["charlm"] == charlm.__version__


def test_validation_is_the_score_of_the_held_out_text(trained, text):
    held_out = text[len(text) * 80 // 100 :]
    best = min(line["valid_nats_per_character"] for line in trained.log)
    assert trained.score(held_out).nats_per_character == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("interruptions", [[1, 19, 10, 1, 1, 3]])
def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(trained, text_file, settings, interruptions, tmp_path):
    assert_goes_on_exactly(text_file, trained.folder, tmp_path / "run", interruptions, settings)


def test_a_resumed_run_evaluates_when_an_unbroken_one_does(text_file, settings, tmp_path):
    options = settings | {"steps": 40, "evaluate_every": 10}
    for batches in (10, 12):  # at an evaluation, and between two
        with pytest.raises(KeyboardInterrupt):
            charlm.train(text_file, tmp_path / "run", resume=True, callbacks=[StopAfter(batches)], **options)
    run = charlm.train(text_file, tmp_path / "run", resume=True, **options)
    assert [line["step"] for line in run.log] == [10, 20, 30, 40]


def test_resuming_a_finished_run_does_nothing(trained, text_file, settings, monkeypatch):
    monkeypatch.setattr(training, "Session", lambda *_: pytest.fail("it trained"))
    assert charlm.train(text_file, trained.folder, resume=True, **settings).folder == trained.folder


def test_an_existing_run_is_refused(trained, text_file, settings):
    with pytest.raises(CheckpointError, match="exists already. Pass --resume"):
        charlm.train(text_file, trained.folder, **settings)


@pytest.fixture(scope="module")
def two_steps(text_file, settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two") / "run"
    with pytest.raises(KeyboardInterrupt):
        charlm.train(text_file, folder, callbacks=[StopAfter(2)], **settings)
    return folder


@pytest.fixture
def interrupted(two_steps, tmp_path):
    return shutil.copytree(two_steps, tmp_path / "run")


def test_a_model_without_a_checkpoint_is_not_overwritten(interrupted, text_file, settings):
    charlm.train(text_file, interrupted, resume=True, **settings)
    for path in (interrupted / "checkpoints").glob("*/tensors.safetensors"):
        path.write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="has a model but no checkpoint to go on from"):
        charlm.train(text_file, interrupted, resume=True, **settings)
    assert charlm.load(interrupted).sample(length=3) is not None


def test_a_checkpoint_whose_weights_are_the_best_brings_back_the_bundle(interrupted, text_file, settings):
    with pytest.raises(KeyboardInterrupt):
        charlm.train(text_file, interrupted, resume=True, callbacks=[StopAfter(28)], **settings)
    whole = load_file(interrupted / "model.safetensors")
    (interrupted / "model.safetensors").unlink()  # as if it had been killed between the two
    with pytest.raises(KeyboardInterrupt):
        charlm.train(text_file, interrupted, resume=True, callbacks=[StopAfter(1)], **settings)
    again = load_file(interrupted / "model.safetensors")
    assert all(np.array_equal(again[name], whole[name]) for name in whole)


def test_a_finished_run_that_was_killed_before_its_last_bundle_has_it_when_resumed(
    trained, text_file, settings, tmp_path
):
    shutil.copytree(trained.folder, tmp_path / "run")
    whole = load_file(trained.folder / "model.safetensors")
    assert trained.info["step"] == 60  # the last evaluation was the best
    (tmp_path / "run" / "model.safetensors").unlink()
    run = charlm.train(text_file, tmp_path / "run", resume=True, **settings)
    assert all(np.array_equal(run.tensors[name], whole[name]) for name in whole)


def test_a_folder_of_something_else_is_refused_with_resume_too(text_file, settings, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "other"}')
    (tmp_path / "checkpoints" / "step-1000").mkdir(parents=True)
    (tmp_path / "checkpoints" / "step-1000" / "model.pt").write_text("precious")
    with pytest.raises(CheckpointError, match="something else than a run: name another folder"):
        charlm.train(text_file, tmp_path, resume=True, **settings)
    assert (tmp_path / "config.json").read_text() == '{"model_type": "other"}'
    assert (tmp_path / "checkpoints" / "step-1000" / "model.pt").read_text() == "precious"


def test_an_evaluation_is_kept_before_it_is_shown(text_file, settings, tmp_path, monkeypatch):
    def nobody_reads(*_):
        raise BrokenPipeError

    monkeypatch.setattr(session.Session, "_show", nobody_reads)
    with pytest.raises(BrokenPipeError):
        charlm.train(text_file, tmp_path / "run", **settings)
    step = charlm.load(tmp_path / "run").info["step"]
    assert step == checkpoints.load(tmp_path / "run").step > 0


def test_an_interruption_that_nobody_can_be_told_of_is_saved(text_file, settings, tmp_path, monkeypatch):
    write = os.write

    def nobody_reads(number, message):
        if number == 2:
            raise BrokenPipeError
        return write(number, message)

    monkeypatch.setattr(session.os, "write", nobody_reads)
    with pytest.raises(KeyboardInterrupt, match="and saved"):
        charlm.train(text_file, tmp_path / "run", callbacks=[StopAfter(2)], **settings)
    assert checkpoints.load(tmp_path / "run").step == 2


def test_being_told_to_end_is_an_interruption(text_file, settings, tmp_path):
    with pytest.raises(KeyboardInterrupt, match="and saved"):
        charlm.train(text_file, tmp_path / "run", callbacks=[StopAfter(2, signal.SIGTERM)], **settings)
    assert checkpoints.load(tmp_path / "run").step == 2


def test_a_second_interruption_does_not_wait_to_save(text_file, settings, tmp_path):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a worker of the tests has not
    try:
        with pytest.raises(KeyboardInterrupt) as found:
            charlm.train(
                text_file, tmp_path / "run", callbacks=[StopAfter(2, signal.SIGINT, signal.SIGINT)], **settings
            )
    finally:
        signal.signal(signal.SIGINT, before)
    assert "saved" not in str(found.value)
    assert checkpoints.load(tmp_path / "run") is None


def test_what_blocks_in_training_is_no_other_process(text_file, settings, tmp_path):
    class Blocked(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise BlockingIOError("a pipe is full")

    with pytest.raises(BlockingIOError, match="a pipe is full"):
        charlm.train(text_file, tmp_path / "run", callbacks=[Blocked()], **settings)


def test_a_resumed_run_of_minutes_that_evaluates_at_once_goes_on(text_file, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(session, "MEASURED_SECONDS", 0.0)
    options = settings | {"steps": None, "minutes": 10.0, "evaluate_every": 1}
    for batches in (14, 2):
        with pytest.raises(KeyboardInterrupt):
            charlm.train(text_file, tmp_path / "run", resume=True, callbacks=[StopAfter(batches)], **options)
    assert read_log(tmp_path / "run")[-1]["step"] >= 15


def test_a_file_of_the_corpus_that_is_held_out_is_not_trained_on(text, settings, tmp_path, caplog):
    caplog.set_level(logging.INFO, "charlm")
    for name, part in (("a.txt", text), ("b.txt", "ÿ" + text[:500])):
        (tmp_path / name).write_text(part, encoding="utf-8")
    options = {name: value for name, value in settings.items() if name != "split"}
    options |= {"steps": 2, "validation": str(tmp_path / "b.txt")}
    run = charlm.train(tmp_path, tmp_path.with_name("held out"), **options)
    assert "1 file(s) of the corpus are held out" in caplog.text
    assert "ÿ".encode() not in run.tokenizer.pieces
    with pytest.raises(CorpusError, match="All of the corpus is held out"):
        charlm.train(tmp_path / "b.txt", tmp_path.with_name("nothing"), **options)


def test_a_batch_of_nothing_but_the_beginnings_of_documents_does_no_harm(tmp_path, settings):
    for name in "abcd":
        (tmp_path / f"{name}.txt").write_text("xy")
    options = settings | {"steps": 8, "batch_size": 1, "sequence_length": 1, "split": "50/50"}
    assert charlm.train(tmp_path, tmp_path / "run", **options).log


def test_a_folder_of_something_else_is_left_as_it_was(text_file, settings, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear all")
    with pytest.raises(CheckpointError, match="exists already"):
        charlm.train(text_file, tmp_path, **settings)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_one_process_at_a_time(interrupted, text_file, settings):
    class Second(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            with pytest.raises(CheckpointError, match="Another process is training in"):
                charlm.train(text_file, interrupted, resume=True, **settings)

    charlm.train(text_file, interrupted, resume=True, callbacks=[Second()], **settings)


def test_no_bundle_goes_before_its_checkpoint(text_file, settings, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints, "save", full)
    with pytest.raises(OSError, match="No space"):
        charlm.train(text_file, tmp_path / "run", **settings)
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_a_torn_line_of_the_log_is_dropped(interrupted, trained, text_file, settings):
    with (interrupted / "log.jsonl").open("a") as file:
        file.write('{"step": 1, "ep\n{"step": 2')
    charlm.train(text_file, interrupted, resume=True, **settings)
    assert losses(interrupted) == losses(trained.folder)


def test_resume_refuses_the_weights_of_another_model(interrupted, text_file, settings):
    known = checkpoints.load(interrupted)
    tensors = {name: tensor for name, tensor in known.tensors.items() if name != "model/output.bias"}
    checkpoints.save(interrupted, known.step, tensors, known.state)
    with pytest.raises(CheckpointError, match="another version of charlm, whose model had other weights"):
        charlm.train(text_file, interrupted, resume=True, **settings)


def test_what_a_task_is_usually_learnt_with_gives_way_to_the_user(monkeypatch, tmp_path):
    found = []

    def told(config):
        found.append(config.data)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_settle", told)
    for own in ({}, {"tokenizer": "char"}):
        with pytest.raises(KeyboardInterrupt):
            charlm.train("english-french", tmp_path / "run", **own)
    assert [(data.tokenizer, data.vocab_size) for data in found] == [("bpe", 2048), ("char", 2048)]


def test_resume_refuses_another_corpus(interrupted, settings, tmp_path):
    (tmp_path / "other.txt").write_text("another text\n" * 500)
    with pytest.raises(CheckpointError, match="The corpus has changed since"):
        charlm.train(tmp_path / "other.txt", interrupted, resume=True, **settings)


def test_resume_refuses_other_settings(interrupted, text_file, settings):
    with pytest.raises(CheckpointError, match="was begun with units=16. Received: units=32. Leave units out"):
        charlm.train(text_file, interrupted, resume=True, **settings | {"units": 32})


def test_what_a_preset_brings_is_left_out_with_it(text_file, settings, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        charlm.train(text_file, tmp_path / "run", preset="tiny", callbacks=[StopAfter(2)], **settings)
    with pytest.raises(CheckpointError, match="Leave preset out to go on"):
        charlm.train(text_file, tmp_path / "run", preset="tiny", resume=True)


def test_a_finished_run_is_not_said_to_go_on(trained, text_file, settings, tmp_path):
    shutil.copytree(trained.folder, tmp_path / "run")
    with pytest.raises(CheckpointError, match="Received: steps=90. It is finished: train anew into another folder"):
        charlm.train(text_file, tmp_path / "run", resume=True, **settings | {"steps": 90})


def test_what_differs_from_the_run_before_is_named(interrupted, text_file):
    for name, value in (("minutes", 5), ("units", 30), ("heads", 3), ("dropout", 0.9), ("validation", str(text_file))):
        with pytest.raises(CheckpointError, match=f"Leave {name} out to go on"):
            charlm.train(text_file, interrupted, resume=True, **{name: value})
    with pytest.raises(ConfigError, match="There is no setting 'unitz'. Did you mean 'units'"):
        charlm.train(text_file, interrupted, resume=True, unitz=16)


def test_replicas_stay_as_many_as_they_were_and_that_is_told(interrupted, text_file, caplog):
    before = checkpoints.load(interrupted).state["config"]["training"]["replicas"]
    run = charlm.train(text_file, interrupted, resume=True, replicas=before + 1)
    assert run.config.training.replicas == before
    assert f"was begun with {before} replica(s): --replicas is ignored" in caplog.text


def test_a_generated_task_is_not_split(tmp_path):
    with pytest.raises(ConfigError, match="has splits of its own. Received: split='80/20'"):
        charlm.train("reverse", tmp_path / "run", split="80/20", steps=1)
    run = charlm.train("reverse", tmp_path / "run", steps=1, units=8)
    assert "split" not in run.info


def test_settings_may_be_left_out_when_resuming(interrupted, trained, text_file):
    charlm.train(text_file, interrupted, resume=True)
    assert losses(interrupted) == losses(trained.folder)


def test_what_is_left_open_goes_on_as_it_was_begun(interrupted, trained, text_file, settings):
    charlm.train(text_file, interrupted, resume=True, **settings, precision="auto", replicas=None, minutes=None)
    assert losses(interrupted) == losses(trained.folder)


def test_minutes_left_out_when_resuming_are_those_it_was_begun_with(text_file, settings, tmp_path, monkeypatch):
    deadlines = []

    class Told(session.Session):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            deadlines.append(self.deadline)

    monkeypatch.setattr(training, "Session", Told)
    without = {name: value for name, value in settings.items() if name not in ("steps", "evaluate_every")}
    for options in (without | {"minutes": 50}, {"resume": True}):
        with pytest.raises(KeyboardInterrupt):
            charlm.train(text_file, tmp_path / "run", callbacks=[StopAfter(2)], started=1000.0, **options)
    assert deadlines == [1000.0 + 60 * 50] * 2


def test_what_is_left_open_is_chosen_for_the_time(text_file, tmp_path, monkeypatch):
    """Without a budget there are five minutes, in a folder of the corpus's name."""
    begun = []

    def begin(folder, config, *_, **__):
        begun.append((folder, config))
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "Session", begin)
    monkeypatch.setattr(training, "measure_products", lambda strategy, precision, rows, units: 1e6)
    monkeypatch.chdir(tmp_path)
    for corpus, has_gpu, options in (
        (text_file, False, {}),
        (text_file, True, {"units": 24, "minutes": 1}),
        ("sines", False, {}),
        (text_file, False, {"steps": 1}),
    ):
        monkeypatch.setattr(training, "has_gpu", lambda has_gpu=has_gpu: has_gpu)
        with pytest.raises(KeyboardInterrupt):
            charlm.train(corpus, **options)
    (folder, free), (_, bound), (_, series), (_, steps) = begun
    assert folder == Path("runs", "café") and free.training.minutes == 5.0
    assert free.model.units != steps.model.units == ModelConfig.units and free.model.mogrify
    assert bound.model.units == 24 and not bound.model.mogrify and bound.training.minutes == 1
    assert series.model.units == 64
    assert steps.training.minutes is None


def test_replicas_that_nobody_asked_for_never_refuse_a_batch(text_file, settings, tmp_path, monkeypatch):
    """TensorFlow has started here, on four devices: of a machine with six cores."""
    monkeypatch.setattr(training, "count_devices", lambda: 6)
    run = charlm.train(text_file, tmp_path / "run", **settings | {"batch_size": 6, "steps": 2})
    assert run.config.training.replicas == 3


@pytest.mark.parametrize(("has_it", "chosen"), [(True, "bfloat16"), (False, "float32")])
def test_auto_takes_bfloat16_where_the_processor_has_it(
    text_file, settings, tmp_path, monkeypatch, caplog, has_it, chosen
):
    monkeypatch.setattr(training, "has_bfloat16", lambda: has_it)
    caplog.set_level("INFO")
    run = charlm.train(text_file, tmp_path / "run", **settings | {"steps": 1, "precision": "auto"})
    assert charlm.load(run.folder).config.training.precision == chosen
    assert f"products in {chosen}" in caplog.text


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("preset", 3, "There is no preset '3'"),
        ("preset", ["small"], "There is no preset"),
        ("start", 3, "3 is not a bundle"),
        *(
            (name, value, f"`{name}` must be of type str")
            for name in ("task", "validation", "test")
            for value in (3, ["a"])
        ),
    ],
)
def test_settings_of_another_type_are_named(text_file, tmp_path, name, value, message):
    with pytest.raises(CharlmError, match=message):
        charlm.train(text_file, tmp_path / "run", **{name: value})


@pytest.mark.parametrize("weight_decay", [None, 0.1])
@pytest.mark.parametrize("replicas", [1, 2])
def test_our_adam_is_keras(replicas, weight_decay):
    rng, strategy = np.random.default_rng(0), open_strategy(replicas)
    begin = [rng.normal(size=shape).astype("f") for shape in ((5, 7), (3,))]
    steps = [[rng.normal(size=part.shape).astype("f") for part in begin] for _ in range(4)]
    found = []
    for kind in (Adam, keras.optimizers.Adam):
        with strategy.scope():
            variables = [keras.Variable(part) for part in begin]
            optimizer = kind(0.1, beta_2=0.98, weight_decay=weight_decay)
            optimizer.build(variables)
        apply = tf.function(functools.partial(_apply, optimizer, variables))
        for gradients in steps:
            apply(*map(tf.constant, gradients))
        found.append([part.numpy() for part in (*variables, *optimizer.variables)])
    assert found[0][0].dtype == np.float32 and int(found[0][2]) == len(steps)
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def _apply(optimizer, variables, *gradients):
    optimizer.apply(gradients, variables)


def test_biases_do_not_decay(text_file, settings):
    config = Config.from_settings({"units": 4, "cell": "gru", "weight_decay": 0.5})
    trainer = Trainer(
        tf.distribute.get_strategy(),
        lambda: LanguageModel.from_model_config(config.model, 9, precision="float32"),
        config.training,
    )
    decays = {
        variable.path for variable in trainer.model.trainable_variables if trainer.optimizer._use_weight_decay(variable)
    }
    assert trainer.optimizer.weight_decay == 0.5
    assert decays == {variable.path for variable in trainer.model.trainable_variables if "bias" not in variable.path}


def test_replicas_must_divide_the_batch(text_file, settings, tmp_path):
    with pytest.raises(ConfigError, match="`batch_size` must be a multiple of `replicas`"):
        charlm.train(text_file, tmp_path / "run", **settings | {"replicas": 3})


def test_divergence_stops_at_once_and_keeps_the_last_good_state(text_file, settings, tmp_path, monkeypatch):
    step = Trainer.step

    def poisoned(self, batch, number, rate):
        result = step(self, batch, number, rate)
        return result if number < 35 else result._replace(gradient_norm=math.inf)

    monkeypatch.setattr(Trainer, "step", poisoned)
    with pytest.raises(
        DivergedError, match=r"Step 36: the loss is no longer a finite number \(learning rate .*, gradient norm inf\)"
    ):
        charlm.train(text_file, tmp_path / "run", **settings)
    assert checkpoints.load(tmp_path / "run").step == 30
    assert charlm.load(tmp_path / "run").sample("The", length=5)


@pytest.mark.parametrize("evaluate_every", [1, 30])
def test_real_divergence_is_noticed_before_anything_is_kept(text_file, settings, evaluate_every, tmp_path):
    options = settings | {"learning_rate": 1e38, "warmup": 1, "evaluate_every": evaluate_every}
    with pytest.raises(DivergedError, match="with a lower learning_rate"):
        charlm.train(text_file, tmp_path / "run", **options)
    assert checkpoints.load(tmp_path / "run") is None


def test_early_stopping_keeps_the_best(text_file, settings, tmp_path, caplog):
    caplog.set_level(logging.INFO, "charlm")
    run = charlm.train(
        text_file,
        tmp_path / "run",
        **settings | {"steps": 60, "learning_rate": 30.0, "evaluate_every": 2, "patience": 2},
    )
    lines = run.log
    best = min(range(len(lines)), key=lambda index: lines[index]["valid_nats_per_character"])
    assert len(lines) == best + 1 + 2 < 30
    assert "Stopped early" in caplog.text
    assert int(run.info["step"]) == lines[best]["step"]


class Clock:
    """A clock of its own: each look at it takes a millisecond, each step of training as long as it says."""

    def __init__(self, monkeypatch):
        self.now, self.step_seconds, step = 0.0, 0.1, Trainer.step

        def look():
            self.now += 1e-3
            return self.now

        def timed(*arguments):
            self.now += self.step_seconds
            return step(*arguments)

        monkeypatch.setattr(session.time, "monotonic", look)
        monkeypatch.setattr(Trainer, "step", timed)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.mark.parametrize("step_seconds", [0.1, 10.0])
def test_minutes_are_turned_into_steps_that_end_in_time(text_file, settings, tmp_path, clock, step_seconds):
    clock.step_seconds = step_seconds
    without = {name: value for name, value in settings.items() if name not in ("steps", "evaluate_every")}
    run = charlm.train(text_file, tmp_path / "run", minutes=1.0, **without)
    assert run.config.training.minutes == 1.0
    assert 0.8 * 60 < clock.now < 60 + step_seconds
    assert run.log[-1]["learning_rate"] < 0.5 * run.config.training.learning_rate


def test_a_resumed_run_of_minutes_follows_a_slower_machine(text_file, settings, tmp_path, monkeypatch, clock):
    monkeypatch.setattr(session, "CHECKPOINT_SECONDS", 1.0)
    options = {name: value for name, value in settings.items() if name not in ("steps", "evaluate_every")}
    with pytest.raises(KeyboardInterrupt):
        charlm.train(text_file, tmp_path / "run", minutes=1.0, callbacks=[StopAfter(60)], **options)
    clock.step_seconds = 1.0
    charlm.train(text_file, tmp_path / "run", resume=True, **options)
    assert 0.8 * 60 < clock.now < 60 + 3 * clock.step_seconds


def test_a_resumed_run_of_minutes_pays_for_its_start(text_file, settings, tmp_path, clock):
    options = {name: value for name, value in settings.items() if name not in ("steps", "evaluate_every")}
    begun = clock.now
    with pytest.raises(KeyboardInterrupt):
        charlm.train(text_file, tmp_path / "run", minutes=1.0, callbacks=[StopAfter(500)], **options)
    resumed = clock.now
    clock.now += 6.0
    run = charlm.train(text_file, tmp_path / "run", resume=True, started=resumed, **options)
    assert run.log[-1]["step"] > 510
    assert clock.now - begun < 60.5


def test_a_run_of_minutes_evaluates_however_often_it_is_resumed(text_file, settings, tmp_path, clock):
    options = {name: value for name, value in settings.items() if name not in ("steps", "evaluate_every")}
    for session_number in range(3):
        again = {"resume": True} if session_number else {"minutes": 1.0}
        with pytest.raises(KeyboardInterrupt):
            charlm.train(text_file, tmp_path / "run", callbacks=[StopAfter(40)], **again, **options)
    assert [line["step"] < 80 for line in read_log(tmp_path / "run")] == [True]


def test_a_run_may_lie_in_the_folder_that_it_was_trained_on(text, settings, tmp_path):
    (tmp_path / "text.txt").write_text(text)
    with pytest.raises(KeyboardInterrupt):
        charlm.train(tmp_path, tmp_path / "runs" / "own", callbacks=[StopAfter(2)], **settings | {"steps": 4})
    run = charlm.train(tmp_path, tmp_path / "runs" / "own", resume=True, **settings | {"steps": 4})
    assert run.log[-1]["step"] == 4


def test_the_callers_random_numbers_are_left_alone(text_file, settings, tmp_path):
    random.seed(5), np.random.seed(5)
    before = random.getstate(), np.random.get_state()[1].tolist()
    charlm.train(text_file, tmp_path / "run", **settings | {"steps": 1})
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def test_a_run_that_is_planned_often_still_evaluates_and_ends(text_file, settings, tmp_path, monkeypatch, clock):
    monkeypatch.setattr(session, "CHECKPOINT_SECONDS", 1.0)
    without = {name: value for name, value in settings.items() if name not in ("steps", "evaluate_every")}
    run = charlm.train(text_file, tmp_path / "run", minutes=1.0, **without)
    assert 8 <= len(run.log) <= 12 and clock.now < 60.1
    assert run.log[-1]["learning_rate"] < 0.1 * run.log[0]["learning_rate"]


def test_a_run_of_minutes_follows_a_machine_that_slows_down(text_file, settings, tmp_path, monkeypatch, clock):
    monkeypatch.setattr(session.Session, "_measure_evaluation", lambda self: 3.0)
    without = {name: value for name, value in settings.items() if name not in ("steps", "evaluate_every")}
    slow_down = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: setattr(clock, "step_seconds", 0.1 if clock.now < 30 else 0.2)
    )
    run = charlm.train(text_file, tmp_path / "run", minutes=1.0, callbacks=[slow_down], **without)
    assert len(run.log) == 1  # nothing but the clock told it
    assert 0.8 * 60 < clock.now < 60


@pytest.mark.parametrize(("evaluation_seconds", "every"), [(60.0, None), (30.0, 100)])
def test_evaluations_that_take_long_are_paid_for(
    text_file, settings, tmp_path, monkeypatch, clock, evaluation_seconds, every
):
    validate = session.Session._validate

    def timed(self):
        clock.now += evaluation_seconds
        return validate(self)

    monkeypatch.setattr(session.Session, "_validate", timed)
    monkeypatch.setattr(session.Session, "_measure_evaluation", lambda self: evaluation_seconds)
    clock.step_seconds = 1.0
    run = charlm.train(
        text_file, tmp_path / "run", **settings | {"steps": None, "minutes": 5.0, "evaluate_every": every}
    )
    steps = [line["step"] for line in run.log]
    assert 0.8 * 300 < clock.now < 300 + clock.step_seconds
    assert all(after - before > 10 for before, after in itertools.pairwise(steps))


def test_epochs_are_turned_into_steps(text_file, settings, tmp_path):
    without = {name: value for name, value in settings.items() if name != "steps"}
    run = charlm.train(text_file, tmp_path / "run", epochs=0.1, **without)
    assert run.log[-1]["epoch"] == pytest.approx(0.1, abs=0.02)


class Recorder(keras.callbacks.Callback):
    """Notes every call."""

    def __init__(self):
        super().__init__()
        self.calls, self.logs = [], []

    def __getattribute__(self, name):
        if name.startswith("on_") and name in (
            "on_train_begin",
            "on_train_end",
            "on_epoch_begin",
            "on_epoch_end",
            "on_train_batch_begin",
            "on_train_batch_end",
        ):

            def note(*arguments, logs=None):
                self.calls.append((name, *[a for a in arguments if isinstance(a, int)]))
                self.logs.append(logs or arguments[-1])

            return note
        return super().__getattribute__(name)


def test_callbacks_are_told(text, tmp_path):
    (tmp_path / "text.txt").write_text(text[:400])
    recorder = Recorder()
    options = {"units": 4, "batch_size": 2, "sequence_length": 50, "evaluate_every": 4, "split": "80/20"}
    charlm.train(tmp_path / "text.txt", tmp_path / "run", steps=5, callbacks=[recorder], **options)
    assert recorder.model.optimizer.learning_rate.numpy() == pytest.approx(recorder.logs[-1]["learning_rate"])
    batches = [call for index in (0, 1, 2) for call in (("on_train_batch_begin", index), ("on_train_batch_end", index))]
    assert recorder.calls == [
        ("on_train_begin",), ("on_epoch_begin", 0), *batches, ("on_epoch_end", 0),
        ("on_epoch_begin", 1), *batches[:4], ("on_epoch_end", 1), ("on_train_end",),
    ]  # fmt: skip
    assert recorder.logs[2 + 1]["nats_per_character"] > 0
    assert recorder.logs[-1]["valid_nats_per_character"] > 0


def test_a_callback_may_stop_training(text_file, settings, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 3

    run = charlm.train(text_file, tmp_path / "run", callbacks=[Stop()], **settings)
    assert run.log[-1]["step"] == 4


def test_tensorboard_reads_what_is_logged(text_file, settings, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = charlm.train(text_file, tmp_path / "run", tensorboard=True, **settings)
    events = {}
    for path in sorted((tmp_path / "run" / "tensorboard").iterdir()):
        accumulator = EventAccumulator(str(path))
        accumulator.Reload()
        tensors = accumulator.Tensors("valid_nats_per_character")
        events |= {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in tensors}
    assert events == pytest.approx({line["step"]: line["valid_nats_per_character"] for line in run.log})


@pytest.mark.parametrize("pieces", [{"tokenizer": "byte"}, {"tokenizer": "bpe", "vocab_size": 300}])
def test_other_tokenizers_train_sample_and_score(text_file, settings, pieces, tmp_path):
    run = charlm.train(text_file, tmp_path / "run", **settings | pieces)
    assert run.sample("naïve 😀", length=10).startswith("naïve 😀")
    assert run.score("naïve 😀").characters == 7
    assert math.isfinite(run.log[-1]["valid_nats_per_character"])


def test_texts_of_their_own(text, settings, tmp_path):
    for name, part in {"train": text, "valid": text[:500]}.items():
        (tmp_path / name).write_text(part)
    without = {name: value for name, value in settings.items() if name != "split"}
    run = charlm.train(tmp_path / "train", tmp_path / "run", validation=str(tmp_path / "valid"), **without)
    assert run.info["validation"] == str(tmp_path / "valid") and "split" not in run.info
    assert run.score(text[:500]).nats_per_character == pytest.approx(run.log[-1]["valid_nats_per_character"], abs=1e-6)


@pytest.mark.parametrize(
    "settings, error",
    [
        ({"unit": 3}, "There is no setting 'unit'"),
        ({"preset": "smal"}, "There is no preset 'smal'. Did you mean 'small'"),
        ({"batch_size": 10_000}, "Lower batch_size to"),
    ],
)
def test_mistakes(text_file, settings, error, tmp_path):
    with pytest.raises(CharlmError, match=error):
        charlm.train(text_file, tmp_path / "run", steps=1, **settings)


def test_a_text_shorter_than_a_batch_says_which_number_to_lower(tmp_path):
    (tmp_path / "short.txt").write_text("short " * 20)
    with pytest.raises(CorpusError, match="Lower batch_size to 1 and sequence_length to 108"):
        charlm.train(tmp_path / "short.txt", tmp_path / "run", steps=1, sequence_length=128)


def test_a_small_model_learns_a_source_of_known_entropy(tmp_path):
    source = MarkovSource(seed=3, alphabet="abcd")
    text = source.sample(120_000, seed=3)
    (tmp_path / "markov.txt").write_text(text)
    run = charlm.train(
        tmp_path / "markov.txt", tmp_path / "run", cell="gru", units=32, batch_size=32, sequence_length=64,
        steps=350, learning_rate=1e-2, evaluate_every=175, split="75/25",
    )  # fmt: skip
    held_out = text[90_000:]
    bits = run.score(held_out).bits_per_character
    # The chain's own price of the very same text takes most of the luck of the sample out of the comparison; what
    # is left is what the first two characters cost.
    floor = source.bits(held_out) / len(held_out)
    per_character = np.array([source.bits(held_out[i : i + 1002]) / 1000 for i in range(0, 29_000, 1000)])
    sampling_error = 4 * per_character.std() / math.sqrt(len(per_character))
    assert bits < 1.02 * source.bits_per_character
    assert bits > floor
    assert bits > source.bits_per_character - sampling_error
