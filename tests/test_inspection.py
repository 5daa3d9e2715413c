"""Looking inside: gates against the step that they make, features against counts, ranks against NumPy's own."""

import io
import json

import numpy as np
import pytest

from charlm.cli import main
from charlm.config import ModelConfig
from charlm.errors import ConfigError, TextError
from charlm.inspection import FEATURES, find_units, watch
from charlm.plots import draw_activity
from charlm.runtime.language_model import LanguageEngine, expected_shapes
from charlm.tokenizer import Tokenizer

TEXT = 'He said "no" (twice (or so)).\nThen she "left"\n'


def make_engine(cell="lstm", layers=2, units=6, seed=0, mogrify=False):
    tokenizer = Tokenizer.characters(sorted(set(TEXT)))
    config = ModelConfig(cell=cell, layers=layers, units=units, mogrify=mogrify)
    rng = np.random.default_rng(seed)
    shapes = expected_shapes(config, tokenizer.vocab_size)
    tensors = {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}
    return LanguageEngine(config, tokenizer.vocab_size, tensors), tokenizer


@pytest.mark.parametrize("mogrify", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_states_are_those_of_the_engine(cell, mogrify):
    engine, tokenizer = make_engine(cell, mogrify=mogrify)
    ids = tokenizer.encode(TEXT)
    outputs, after = engine._stack.unroll(ids[None], engine.initial_state(1))
    layers, state = engine.look(ids, engine.initial_state(1))
    for layer, output in zip(layers, outputs, strict=True):
        np.testing.assert_allclose(layer["state"], output[:, 0], atol=1e-6)
    for ours, theirs in zip(state, after, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_gates_of_an_lstm_make_its_cell_and_its_state():
    engine, tokenizer = make_engine("lstm")
    layers, _ = engine.look(tokenizer.encode(TEXT), engine.initial_state(1))
    for inside in layers:
        before = np.concatenate([np.zeros_like(inside["cell"][:1]), inside["cell"][:-1]])
        cell = inside["forget"] * before + inside["input"] * inside["candidate"]
        np.testing.assert_allclose(inside["cell"], cell, atol=1e-6)
        np.testing.assert_allclose(inside["state"], inside["output"] * np.tanh(cell), atol=1e-6)


def test_the_gates_of_a_gru_make_its_state():
    engine, tokenizer = make_engine("gru")
    layers, _ = engine.look(tokenizer.encode(TEXT), engine.initial_state(1))
    for inside in layers:
        before = np.concatenate([np.zeros_like(inside["state"][:1]), inside["state"][:-1]])
        state = inside["update"] * before + (1 - inside["update"]) * inside["candidate"]
        np.testing.assert_allclose(inside["state"], state, atol=1e-6)
        assert ((inside["reset"] > 0) & (inside["reset"] < 1)).all()


def test_features_hold_after_each_character():
    text = '"a"(b(c))\n)de'
    assert FEATURES["quotes"](text).tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert FEATURES["parentheses"](text).tolist() == [0, 0, 0, 1, 1, 2, 2, 1, 0, 0, 0, 0, 0]
    assert FEATURES["newline"](text).tolist() == [0] * 9 + [1] + [0] * 3
    assert FEATURES["position"](text).tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3]


@pytest.mark.parametrize("feature", FEATURES)
def test_ranks_are_pearsons(feature, monkeypatch):
    monkeypatch.setattr("charlm.inspection._CHUNK", 7)  # sums must add up over several goes
    engine, tokenizer = make_engine("lstm")
    ranked = find_units(engine, tokenizer, TEXT, feature)
    assert len(ranked) == 2 * 6 * 2
    sizes = [abs(found.correlation) for found in ranked]
    assert sizes == sorted(sizes, reverse=True)
    for found in ranked[:4]:
        values = watch(engine, tokenizer, TEXT, layer=found.layer, unit=found.unit, part=found.part).values
        expected = np.corrcoef(values, FEATURES[feature](TEXT))[0, 1]
        assert found.correlation == pytest.approx(expected, abs=1e-5)


def test_a_feature_of_a_byte_model_holds_at_the_end_of_each_piece():
    tokenizer = Tokenizer.bytes()
    config = ModelConfig(cell="gru", layers=1, units=4)
    rng = np.random.default_rng(0)
    shapes = expected_shapes(config, tokenizer.vocab_size)
    tensors = {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}
    engine = LanguageEngine(config, tokenizer.vocab_size, tensors)
    activity = watch(engine, tokenizer, "é\n")
    assert activity.pieces == ["", "é", "\n"] and activity.values.shape == (3,)
    positions = [1, 1, 0, 0, 1, 1, 2, 0]  # of each byte: where the last whole letter stands
    watched = {(found.unit, found.part): found for found in find_units(engine, tokenizer, "é\néé\n", "position")}
    for (unit, part), found in watched.items():
        values = watch(engine, tokenizer, "é\néé\n", unit=unit, part=part).values
        assert found.correlation == pytest.approx(np.corrcoef(values, positions)[0, 1], abs=1e-5)
    assert len(watched) == 4


def test_what_is_not_there_is_told():
    engine, tokenizer = make_engine("gru")
    for options, message in (
        ({"layer": 2}, r"`layer` must be from 0 to 1. Received: layer=2"),
        ({"unit": 6}, r"`unit` must be from 0 to 5"),
        ({"part": "forget"}, r"`part` must be one of state, update, reset, candidate. Received: part=forget"),
    ):
        with pytest.raises(ConfigError, match=message):
            watch(engine, tokenizer, TEXT, **options)
    with pytest.raises(TextError, match="is empty"):
        watch(engine, tokenizer, "")
    with pytest.raises(TextError, match="'quotes' is the same everywhere"):
        find_units(engine, tokenizer, "Then", "quotes")


def test_a_strip_stands_under_each_line():
    engine, tokenizer = make_engine()
    activity = watch(engine, tokenizer, TEXT, part="forget")
    plain = draw_activity(activity, colors=False).split("\n")
    assert plain[0] == 'He said "no" (twice (or so)).↵' and plain[1].isdigit() and len(plain[1]) == len(plain[0])
    colored = draw_activity(activity, colors=True).split("\n")
    assert colored[0] == plain[0] and colored[1].count("\x1b[48;5;") == len(plain[0])


def test_json_has_the_whole_of_a_long_text(trained, capsys):
    assert main(["inspect", str(trained.folder), "The " * 300, "--unit", "1", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1200


def test_documents_are_read_as_they_are_scored(trained, tmp_path, capsys):
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"body": body}) + "\n" for body in ("The cat", "sat " * 300)))
    found = []
    for command in (["inspect", str(trained.folder), "--file"], ["score", str(trained.folder), "--per-character"]):
        assert main([*command, str(path), "--field", "body", "--json"]) == 0
        lines = map(json.loads, capsys.readouterr().out.splitlines())
        found.append([(line["text"], line["bits"]) for line in lines])
    assert found[0] == found[1] and len(found[0]) == len("The cat") + 2 + 1200
    assert main(["inspect", str(trained.folder), "--file", str(path), "--field", "body"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 800 + 2


def test_the_command(trained, tmp_path, monkeypatch, capsys):
    folder = str(trained.folder)
    assert main(["inspect", folder, "The cat"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7 and lines[0].lstrip().startswith("T") and "bits" in lines[0] and "%" in lines[0]
    assert main(["inspect", folder, "The cat", "--unit", "3", "--part", "forget", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "".join(row["text"] for row in rows) == "The cat" and all(0 < row["value"] < 1 for row in rows)
    (tmp_path / "text.txt").write_text("The cat sat.\nThe dog sat on the mat.\n" * 3)
    picture = tmp_path / "position.png"
    arguments = ["--file", str(tmp_path / "text.txt"), "--find", "position", "--plot", str(picture)]
    assert main(["inspect", folder, *arguments]) == 0
    out = capsys.readouterr().out
    assert out.count(", unit ") == 6 and "The dog sat on the mat.↵" in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"The cat")))
    assert main(["inspect", folder, "--unit", "3", "--part", "forget", "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows
    assert main(["inspect", folder, "a", "--file", "b"]) == 2
    assert "Give either STRING or --file" in capsys.readouterr().err
