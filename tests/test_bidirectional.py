"""The bidirectional language model: two directions that do not tell each other what is asked."""

import io
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from models import IDS, MODELS, VOCAB_SIZE, engine_of, make

import charlm
from charlm import scoring
from charlm.backend import tf
from charlm.cli import main
from charlm.layers.bidirectional import BidirectionalStack
from charlm.tokenizer import BOS, EOS

ROUNDING = 1e-6  # products of another number of rows round otherwise


@pytest.fixture(params=[name for name in MODELS if name.startswith("bidirectional")])
def config(request):
    return MODELS[request.param]


@pytest.fixture
def model(config):
    return make(config)


@pytest.fixture
def ids():
    return IDS


def find_leaks(predict, ids):
    """Returns the places whose logits depend on what stands there, and those that miss something of the rest."""
    before, leaks, gaps = predict(ids), set(), set()
    for place in range(ids.shape[1]):
        changed = ids.copy()
        changed[:, place] = (changed[:, place] - EOS) % (VOCAB_SIZE - EOS - 1) + EOS + 1
        differs = np.abs(predict(changed) - before).max(axis=(0, 2)) > ROUNDING
        leaks |= {place} & set(np.flatnonzero(differs))
        gaps |= set() if np.delete(differs, place).all() else {place}
    return leaks, gaps


def test_no_logit_reads_its_own_target_and_all_read_the_rest(model, ids):
    assert find_leaks(lambda ids: model(ids).numpy(), ids) == (set(), set())


def test_a_plain_bidirectional_stack_leaks(ids):
    """Asked for the next id, it has read it: what charlm's model is made to avoid."""
    stack, table = BidirectionalStack(["lstm"], 8), tf.random.stateless_normal((VOCAB_SIZE, 8), [0, 1])

    def predict(ids):
        before = np.concatenate([np.full((len(ids), 1), BOS, np.int32), ids[:, :-1]], axis=1)
        return stack(table, ids=before)[0].numpy()

    leaks, _ = find_leaks(predict, ids)
    assert leaks == set(range(ids.shape[1] - 1))  # the last id alone is never read


def test_the_loss_is_that_of_three_readings(ids):
    model = make(MODELS["bidirectional"])
    before, after = (np.concatenate(parts, axis=1) for parts in _shifted(ids))
    batch = {"inputs": before, "targets": ids, "weights": np.ones(ids.shape, np.float32)}
    loss, nats, _ = model.training_loss(batch, model.initial_state(len(ids)), seed=tf.constant([0, 1]))

    def price(logits):
        return float(tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(ids, logits)))

    forward, backward = price(model.ahead(before)), price(model.back(after[:, ::-1])[:, ::-1])
    assert float(nats) == pytest.approx(forward, rel=1e-5)
    assert float(loss) == pytest.approx(forward + backward + price(model(ids)), rel=1e-5)


def _shifted(ids):
    begin = np.full((len(ids), 1), BOS, np.int32)
    return (begin, ids[:, :-1]), (ids[:, 1:], begin)


def test_long_texts_are_scored_in_parts_as_in_one_pass(monkeypatch):
    engine = engine_of(make(MODELS["bidirectional"]), MODELS["bidirectional"])
    ids = np.random.default_rng(0).integers(EOS + 1, VOCAB_SIZE, 100_000).astype(np.int32)
    sizes = []
    for model in (engine.forward, engine.backward):
        monkeypatch.setattr(model, "read", _told(model.read, sizes))
    parts = [_nats(predict(engine, ids), ids) for predict in (scoring.predict_backward, scoring.predict_cloze)]
    assert max(sizes) < len(ids) / 10
    monkeypatch.setattr(scoring, "ROW", 1 << 30)
    monkeypatch.setattr(scoring, "_BLOCK", 1 << 30)
    whole = [_nats(predict(engine, ids), ids) for predict in (scoring.predict_backward, scoring.predict_cloze)]
    for part, expected in zip(parts, whole, strict=True):
        assert np.abs(part - expected).max() < 1e-5


def _told(read, sizes):
    """Reads ids, and notes how many at once."""

    def reading(ids, state):
        sizes.append(ids.size)
        return read(ids, state)

    return reading


def _nats(predictions, ids):
    nats = np.full(len(ids), math.nan)
    for places, charged, _ in scoring.charge_all(predictions, ids):
        nats[places] = charged
    return nats


@pytest.fixture(scope="module")
def both_ways(settings):
    return settings | {
        "task": "bidirectional",
        "replicas": 2,
        "steps": 150,
        "evaluate_every": 75,
        "learning_rate": 0.03,
    }


@pytest.fixture(scope="module")
def run(text_file, both_ways, tmp_path_factory):
    return charlm.train(text_file, tmp_path_factory.mktemp("bidirectional") / "run", **both_ways)


def test_a_run_samples_and_scores_in_three_ways(run, text):
    again = charlm.load(run.folder)
    assert again.sample("The ", length=20, seed=1) == run.sample("The ", length=20, seed=1)
    scores = again.scores(text)
    assert scores == again.scores([text]) and (again.embed(text) == again.embed([text])).all()
    assert list(scores) == ["forward", "backward", "cloze"]
    assert scores["forward"] == again.score(text)
    assert scores["cloze"].bits < scores["forward"].bits
    for reading, score in scores.items():
        assert again.surprise(text, reading=reading).bits.sum() == pytest.approx(score.bits, rel=1e-5)
    assert again.info["can"] == ["sample", "score", "correct", "inspect", "novelty", "fill", "embed"]


def test_validation_is_the_score_of_the_held_out_text_in_three_ways(run, text):
    scores = run.scores(text[len(text) * 80 // 100 :])
    best = min(run.log, key=lambda line: line["valid_nats_per_character"])
    told = {"forward": "valid", "backward": "valid_backward", "cloze": "valid_cloze"}
    for reading, name in told.items():
        assert scores[reading].nats_per_character == pytest.approx(best[f"{name}_nats_per_character"], abs=1e-6)


def test_fill_prints_texts_with_their_probabilities(run, capsys):
    assert main(["fill", str(run.folder), "The caf_ by", "the {…} sea", "--n", "2", "--beam", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(line[7:9] == "  " and float(line[:6]) <= 100 for line in lines)
    assert lines[0][9:].startswith("The caf") and lines[2][9:].startswith("the ")
    assert main(["fill", str(run.folder), "The caf_ by", "--json"]) == 0
    (found,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert found["source"] == "The caf_ by"
    assert all(answer["text"] == f"The caf{answer['gaps'][0]} by" for answer in found["answers"])


def test_a_bundle_of_one_direction_fills_nothing(trained, capsys):
    assert main(["fill", str(trained.folder), "a_b"]) == 2
    assert "Train with --task bidirectional for this" in capsys.readouterr().err


def test_score_prints_three_readings(run, text_file, capsys):
    assert main(["score", str(run.folder), str(text_file)]) == 0
    assert [line.split(" per character ")[-1][:8] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "backward",
        "cloze, e",
    ]
    assert main(["score", str(run.folder), str(text_file), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["cloze_bits_per_character"] < figures["bits_per_character"]
    assert figures["backward_bits_per_character"] > 0


def test_a_vector_of_a_character_knows_the_whole_text(run):
    vectors = run.embed_characters("The café")
    assert vectors.shape == (8, 32) and vectors.dtype == np.float32
    changed = run.embed_characters("The cafe")
    halves = np.abs(vectors - changed).reshape(8, 2, 16).max(axis=2) > 0
    assert not halves[:7, 0].any() and halves[7, 0]  # forwards, what comes later is not known
    assert halves[:, 1].all()


def test_a_vector_of_a_text_is_the_mean_and_does_not_depend_on_its_mates(run, tmp_path, capsys):
    texts = ["The café", "", "sea", "in the warm window all day long"]
    vectors = run.embed(texts)
    for text, vector in zip(texts, vectors, strict=True):
        expected = run.embed_characters(text).mean(axis=0) if text else np.zeros(32)
        assert np.abs(vector - expected).max() < 1e-5
    (tmp_path / "lines.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    assert main(["embed", str(run.folder), str(tmp_path / "lines.txt"), "-o", str(tmp_path / "out.npy")]) == 0
    assert "4 vectors of 32 numbers" in capsys.readouterr().err
    assert np.abs(np.load(tmp_path / "out.npy") - vectors).max() < 1e-6
    records = "".join(json.dumps({"body": body}) + "\n" for body in (texts[0], "", "two\nlines"))
    (tmp_path / "records.jsonl").write_text(records)
    arguments = [str(tmp_path / "records.jsonl"), "--field", "body", "-o", str(tmp_path / "records.npy")]
    assert main(["embed", str(run.folder), *arguments]) == 0
    assert np.abs(np.load(tmp_path / "records.npy") - run.embed([texts[0], "", "two\nlines"])).max() < 1e-6
    command = [sys.executable, "-m", "charlm", "embed", run.folder, tmp_path / "lines.txt", "-o", "/dev/stdout"]
    piped = subprocess.run(command, capture_output=True, check=True, timeout=120)
    assert np.abs(np.load(io.BytesIO(piped.stdout)) - vectors).max() < 1e-6
