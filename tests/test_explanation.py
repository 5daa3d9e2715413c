"""What is printed is what is computed: the equations are run, and held against the engine's numbers."""

import io

import numpy as np
import pytest

import charlm
from charlm.backend import tf
from charlm.cli import main
from charlm.config import ATTENTIONS, ModelConfig
from charlm.explanation import ATTENTION_EQUATIONS, CELL_EQUATIONS, SCORE_EQUATIONS, SUBJECTS, count, explain, shapes
from charlm.gradients import DISTANCES, fresh_norms, gradient_norms, trained_norms
from charlm.layers.recurrent import RecurrentStack
from charlm.runtime.attention import Attention, attention_shapes
from charlm.runtime.cells import CELL_CLASSES
from charlm.runtime.stack import zeros
from charlm.tokenizer import BOS

NAMES = {
    "split": lambda x, parts: np.split(x, parts, axis=-1),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softmax": lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum(),
    "tanh": np.tanh,
    "sqrt": np.sqrt,
    "concatenate": np.concatenate,
}


def draw(found, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in found.items()}


@pytest.mark.parametrize("cell", CELL_EQUATIONS)
def test_the_equations_of_a_cell_give_the_engines_numbers(cell):
    tensors = draw(shapes(cell, 5, 3))
    layer = CELL_CLASSES[cell](*tensors.values())
    rng = np.random.default_rng(1)
    state = tuple(rng.normal(size=(2, 5)).astype(np.float32) for _ in zeros(layer, 2, 5))
    x = rng.normal(size=(2, 3)).astype(np.float32)
    values = NAMES | tensors | {"x": x} | dict(zip("hc", state, strict=False))
    for equation in CELL_EQUATIONS[cell]:
        exec(equation, values)
    after = layer.step(x @ layer.kernel + layer.input_bias, state)
    for name, expected in zip("hc", after, strict=False):
        np.testing.assert_allclose(values[name], expected, atol=1e-5)


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_the_equations_of_attention_give_the_engines_numbers(kind):
    tensors = draw(attention_shapes(kind, 4))
    attention = Attention(ModelConfig(task="translate", units=4, attention=kind), tensors)
    rng = np.random.default_rng(1)
    h, memory = rng.normal(size=4).astype(np.float32), rng.normal(size=(6, 4)).astype(np.float32)
    values = NAMES | tensors | {"h": h, "memory": memory}
    for equation in (SCORE_EQUATIONS[kind], *ATTENTION_EQUATIONS):
        exec(equation, values)
    mask = np.ones((1, 6), bool)
    output, weights = attention(h[None, None], memory[None], attention.keys(memory[None]), mask)
    np.testing.assert_allclose(values["weights"], weights[0, 0, 0], atol=1e-5)
    np.testing.assert_allclose(values["output"], output[0, 0], atol=1e-5)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_an_explanation_has_every_equation_and_the_layers_own_count(subject):
    text = explain(subject, 8, 3)
    if subject == "attention":
        assert all(equation in text for equation in (*SCORE_EQUATIONS.values(), *ATTENTION_EQUATIONS))
        return
    assert all(equation in text for equation in CELL_EQUATIONS[subject])
    stack = RecurrentStack([subject], 8)
    stack.build((None, None, 3))
    assert count(shapes(subject, 8, 3)) == stack.count_params()
    assert f"{stack.count_params():,} weights for 3 inputs and 8 units" in text


def test_the_gradients_norm_is_that_of_finite_differences():
    tf.random.set_seed(0)
    stack = RecurrentStack(["gru"], 4)
    inputs = tf.random.stateless_normal((1, max(DISTANCES) + 1, 4), (0, 0))
    norms = gradient_norms(stack, inputs)
    direction = tf.random.stateless_normal((1, 4), (0, 1)).numpy()
    direction /= np.linalg.norm(direction)

    def last(moved):
        return float((stack(tf.constant(moved))[0][:, -1].numpy().astype(np.float64) * direction).sum())

    for distance in (1, 2, 5):
        gradient = []
        for unit in range(4):
            ends = []
            for step in (1e-2, -1e-2):
                moved = inputs.numpy().copy()
                moved[0, -1 - distance, unit] += step
                ends.append(last(moved))
            gradient.append((ends[0] - ends[1]) / 2e-2)
        assert norms[distance] == pytest.approx(np.linalg.norm(gradient), rel=0.02)


def test_an_lstm_reaches_further_back_than_a_gru_and_that_further_than_a_simple_network():
    lstm, gru, rnn = (fresh_norms(cell, 64) for cell in ("lstm", "gru", "rnn"))
    assert all(lstm[d] > gru[d] > rnn[d] for d in (20, 50, 100))
    assert lstm[100] > 1e4 * gru[100] and gru[100] > 1e2 * rnn[100]
    assert list(lstm.values()) == sorted(lstm.values(), reverse=True)


def test_a_trained_run_is_measured_with_its_own_weights(trained):
    ids = np.full((2, max(DISTANCES) + 1), BOS, np.int32)
    model = trained.config.model
    norms = trained_norms(model, trained.tensors, ids)
    louder = {name: tensor * (3 if name == "embedding" else 1) for name, tensor in trained.tensors.items()}
    assert trained_norms(model, trained.tensors, ids) == pytest.approx(norms, rel=1e-5)
    assert norms.keys() == set(DISTANCES) and norms != trained_norms(model, louder, ids)


def test_the_command_measures_trained_runs(trained, pairs_file, translation_settings, tmp_path, capsys):
    folder = str(trained.folder)
    assert main(["explain", "gru", folder]) == 0
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.startswith(f"  lstm,gru, {folder}"))
    figures = [float(figure) for figure in row.split()[-len(DISTANCES) :]]
    assert figures == sorted(figures, reverse=True) and figures[-1] > 0
    settings = translation_settings | {"steps": 2, "evaluate_every": 2, "split": "60/20/20"}
    translator = charlm.train(pairs_file, tmp_path / "translator", **settings)
    assert main(["explain", "attention", str(translator.folder)]) == 0
    judged = [line.split() for line in capsys.readouterr().out.splitlines() if " of " in line and "%" in line]
    assert sum(int(line[-1].replace(",", "")) for line in judged) > 30
    assert main(["explain", "attention", folder]) == 2
    assert "Train with --task translate for this" in capsys.readouterr().err


def test_what_was_read_from_standard_input_is_not_read_again(
    pairs_file, translation_settings, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(pairs_file.read_bytes())))
    settings = translation_settings | {"steps": 2, "evaluate_every": 2, "split": "60/20/20"}
    translator = charlm.train("-", tmp_path / "translator", **settings)
    assert main(["explain", "attention", str(translator.folder)]) == 1
    assert "standard input, which is gone" in capsys.readouterr().err


def test_the_command(capsys):
    assert main(["explain", "lstm", "--units", "8"]) == 0
    out = capsys.readouterr().out
    assert "h = o * tanh(c)" in out and "rnn, new" in out and "544 weights" in out
    assert main(["explain", "attention"]) == 0
    assert "scores = memory @ h / sqrt(len(h))" in capsys.readouterr().out
    for units in (0, 10**10):
        assert main(["explain", "lstm", "--units", str(units)]) == 2
        assert "`units` must be from 1 to 8,192" in capsys.readouterr().err
    assert main(["explain", "attention", "--inputs", "7"]) == 2
    assert "Leave out --inputs" in capsys.readouterr().err
