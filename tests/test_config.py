import dataclasses
from pathlib import Path

import numpy as np
import pytest

from charlm.config import SECTIONS, TASKS, Config, DataConfig, ModelConfig, TrainingConfig, read_toml, setting_names
from charlm.errors import ConfigError
from charlm.recipes import DEFAULTS


def test_settings_and_dictionaries_round_trip():
    config = Config.from_settings({"units": 32, "steps": 7, "split": "80/20", "cell": "lstm,gru"})
    assert Config.from_dict(config.to_dict()) == config
    assert Config.from_settings(config.settings()) == config
    assert config.model.cells == ("lstm", "gru")


@pytest.mark.parametrize("task", TASKS)
def test_what_a_task_begins_with_can_be_set_again(task):
    config = Config.from_settings({"task": task}, usual=DEFAULTS.get(task, {}))
    assert Config.from_settings(config.settings()) == config


def test_names_are_unique_and_documented():
    names = setting_names()
    assert len(set(names)) == len(names)
    for section in SECTIONS.values():
        for field in dataclasses.fields(section):
            assert field.metadata["help"]


def test_whole_numbers_pass_for_real_ones():
    assert type(TrainingConfig(minutes=2).minutes) is float
    assert type(ModelConfig(units=np.int64(8), dropout=np.float32(0.5)).units) is int
    assert DataConfig(validation=Path("v.txt")).validation == "v.txt"


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"units": 0}, "`units` must be at least 1. Received: units=0."),
        ({"units": 2.5}, "`units` must be of type int. Received: units=2.5."),
        ({"units": True}, "`units` must be of type int. Received: units=True."),
        ({"dropout": 1.0}, "`dropout` must be below 1. Received: dropout=1.0."),
        ({"learning_rate": float("inf")}, "`learning_rate` must be finite. Received: learning_rate=inf."),
        ({"minutes": 0}, "`minutes` must be above 0. Received: minutes=0.0."),
        ({"tokenizer": "word"}, "`tokenizer` must be one of char, byte, bpe. Received: tokenizer='word'."),
        (
            {"cell": "lstm,tree"},
            "`cell` must be one of lstm, gru, rnn, or several with commas. Received: cell='lstm,tree'.",
        ),
        (
            {"cell": "lstm,gru", "layers": 3},
            "`cell` names 2 layers. Received: cell='lstm,gru', layers=3. Leave out layers.",
        ),
        (
            {"split": "90/20"},
            "`split` must be two or three percentages that add up to 100, such as 90/5/5. Received: split='90/20'.",
        ),
        (
            {"split": "all"},
            "`split` must be two or three percentages that add up to 100, such as 90/5/5. Received: split='all'.",
        ),
        ({"minutes": 1, "steps": 5}, "A run has one budget. Received: minutes and steps."),
        ({"unit": 5}, "There is no setting 'unit'. Did you mean 'units'?"),
        ({"test": "x"}, "`test` needs `validation` beside it: with texts of their own, CORPUS is all training text."),
        (
            {"tie_weights": True, "embedding_dim": 3},
            "`tie_weights` needs an embedding as wide as the layers. "
            "Received: embedding_dim=3, units=256. Leave out embedding_dim.",
        ),
        (
            {"horizon": 7},
            "`horizon` is for --task forecast. Received: horizon=7, task='language'. Leave out horizon.",
        ),
        (
            {"task": "forecast", "tie_weights": True},
            "`tie_weights` is for --task language or bidirectional or translate or autoencode. "
            "Received: tie_weights=True, task='forecast'. Leave out tie_weights.",
        ),
        (
            {"split": "80/20", "validation": "v.txt"},
            "`split` divides CORPUS, which with `validation` is all training text. "
            "Received: split='80/20', validation='v.txt'. Leave out one.",
        ),
        ({"validation": ""}, "`validation` must name a text. Received: validation=''."),
        (
            {"task": "forecast", "embedding_dim": 9},
            "`embedding_dim` is for --task language or bidirectional or translate or autoencode or classify. "
            "Received: embedding_dim=9, task='forecast'. Leave out embedding_dim.",
        ),
        (
            {"task": "translate", "attention": "none", "heads": 4},
            "`heads` are of attention. Received: heads=4, attention='none'. Leave out one.",
        ),
        (
            {"vocab_size": 500},
            "`vocab_size` is that of a bpe tokenizer; others have as many ids as they need. "
            "Received: vocab_size=500, tokenizer='char'. Pass --tokenizer bpe, or leave out vocab_size.",
        ),
    ],
)
def test_settings_that_make_no_sense(settings, message):
    with pytest.raises(ConfigError) as raised:
        Config.from_settings(settings)
    assert str(raised.value) == message


def test_what_is_usual_may_be_idle():
    config = Config.from_settings(
        {"units": 8}, usual={"units": 4, "vocab_size": 500, "horizon": 3, "tokenizer": "byte"}
    )
    assert (config.model.units, config.model.horizon, config.data.tokenizer) == (8, 3, "byte")


@pytest.mark.parametrize("split", ["0/100", "100/0", "50/50/0/0", "-10/110", ""])
def test_splits_that_make_no_sense(split):
    with pytest.raises(ConfigError):
        DataConfig(split=split)


def test_cells_of_layers():
    assert ModelConfig(cell="gru", layers=3).cells == ("gru", "gru", "gru")
    assert ModelConfig(cell="gru,rnn", layers=2).cells == ("gru", "rnn")


def test_toml_tables_only_group(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('seed = 3\n[model]\nunits = 64\ncell = "gru"\n')
    assert read_toml(path) == {"seed": 3, "units": 64, "cell": "gru"}
    path.write_text("seed = ")
    with pytest.raises(ConfigError, match="is not TOML"):
        read_toml(path)
    path.write_text("resume = true")
    with pytest.raises(ConfigError, match="There is no setting 'resume'"):
        read_toml(path)
    path.write_bytes(b'cell = "\xff"')
    with pytest.raises(ConfigError, match="is not TOML"):
        read_toml(path)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_toml(tmp_path / "missing.toml")
