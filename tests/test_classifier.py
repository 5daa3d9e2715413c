"""The classifier: the contracts of every model, and what labels bring with them."""

import json
import shutil

import numpy as np
import pytest
from models import MODELS, SOURCE, engine_of, make
from resuming import StopAfter, assert_goes_on_exactly

import charlm
from charlm.backend import tf
from charlm.classification import classify
from charlm.cli import main
from charlm.config import Config, DataConfig
from charlm.errors import CharlmError, ConfigError, CorpusError, TokenizerError, UnknownCharacterError
from charlm.objectives.classification import ClassificationObjective
from charlm.pairs import prepare_pairs
from charlm.splits import read_pairs
from charlm.tasks import languages
from charlm.tokenizer import EOS, PAD, Tokenizer

PAIRS = [("aab", "first"), ("abb", "first"), ("ccd", "second"), ("cdd", "second"), ("add", "third"), ("aad", "third")]
SETTINGS = {
    "task": "classify",
    "units": 8,
    "batch_size": 4,
    "sequence_length": 8,
    "steps": 40,
    "evaluate_every": 20,
    "dropout": 0.1,
    "split": "80/20",
    "precision": "float32",
}


@pytest.fixture(params=[name for name in MODELS if name.startswith("classifier")])
def config(request):
    return MODELS[request.param]


def test_a_batch_of_mixed_lengths_is_as_one_by_one(config):
    model = make(config)
    engine = engine_of(model, config)
    texts = [row[(row != PAD) & (row != EOS)] for row in SOURCE]
    together = classify(engine, texts)
    for row, text in enumerate(texts):
        np.testing.assert_allclose(together[row], classify(engine, [text])[0], atol=1e-6)
        alone = np.concatenate([text, [EOS]])[None].astype(np.int32)
        np.testing.assert_allclose(model(SOURCE)[row], model(alone)[0], atol=1e-5)


def test_what_the_layers_give_under_the_padding_is_not_looked_at(config, monkeypatch):
    """NaN there, in TensorFlow and in NumPy, must not reach a label."""
    model = make(config)
    engine = engine_of(model, config)
    expected = model(SOURCE).numpy()
    hidden = np.pad(SOURCE == PAD, ((0, 0), (1, 0)))
    call, read = model.stack.call, engine._stack.read

    def poisoned(*arguments, **options):
        outputs, state = call(*arguments, **options)
        return tf.where(hidden[:, :, None], np.nan, outputs), state

    def poisoned_too(ids, mask):
        outputs, state = read(ids, mask)
        return np.where(hidden[:, :, None], np.nan, outputs), state

    monkeypatch.setattr(model.stack, "call", poisoned)
    monkeypatch.setattr(engine._stack, "read", poisoned_too)
    np.testing.assert_allclose(model(SOURCE), expected, atol=1e-6)
    np.testing.assert_allclose(engine.read(SOURCE), expected, atol=1e-5)


def test_an_empty_row_costs_nothing():
    model = make(MODELS["classifier"])
    batch = {
        "source": tf.constant(SOURCE),
        "targets": tf.constant([[4, PAD], [6, PAD], [PAD, PAD]]),
        "weights": tf.constant([[1.0, 0], [1.0, 0], [0, 0]]),
    }
    loss, nats, _ = model.training_loss(batch, (), seed=(0, 0))
    logits = model(SOURCE).numpy().astype(np.float64)
    charged = np.log(np.exp(logits).sum(1)) - logits[np.arange(3), [0, 2, 0]]
    assert float(loss) == pytest.approx(charged[:2].sum(), rel=1e-5) == pytest.approx(float(nats), rel=1e-5)


def test_labels_are_whole_texts(tmp_path):
    tokenizer = Tokenizer.labels(["ham and eggs", "spam", "été"])
    assert tokenizer.encode("ham and eggs").tolist() == [4] and tokenizer.decode([6]) == "été"
    assert tokenizer.encode("eggs", unknown="replace").tolist() == [1]
    assert tokenizer.characters_per_id.tolist() == [0, 1, 0, 0, 1, 1, 1]
    with pytest.raises(UnknownCharacterError, match="'eggs' is no label"):
        tokenizer.encode("eggs")
    with pytest.raises(TokenizerError, match="may not be called '<pad>'"):
        Tokenizer.labels(["<pad>", "a"])
    path = tmp_path / "tokenizer.json"
    path.write_text(tokenizer.to_json(), encoding="utf-8")
    from tokenizers import Tokenizer as HuggingFaceTokenizer

    assert HuggingFaceTokenizer.from_file(str(path)).encode("ham and eggs").ids == [4]
    assert Tokenizer.load(path).kind == "label"


def test_labels_that_training_does_not_have_are_left_out(caplog):
    splits = {"train": PAIRS, "validation": [("a", "first"), ("b", "fourth")]}
    store = prepare_pairs(splits, DataConfig(), labels=True)
    assert store.splits["validation"].pairs == [("a", "first")]
    assert "1 of 2 pairs in the validation split are of a label that training does not have" in caplog.text
    with pytest.raises(CorpusError, match="the same label"):
        prepare_pairs({"train": PAIRS[:2], "validation": PAIRS[:1]}, DataConfig(), labels=True)


def test_balanced_labels_weigh_alike():
    store = prepare_pairs({"train": [*PAIRS, *PAIRS[:2]], "validation": PAIRS}, DataConfig(), labels=True)
    config = Config.from_settings({"task": "classify", "balance": True, "units": 8, "batch_size": 4, "replicas": 1})
    objective = ClassificationObjective(store, config)
    batch = next(objective.batches(0).as_numpy_iterator())
    totals = {label: batch.rows["weights"][:, 0][batch.rows["targets"][:, 0] == label].sum() for label in (4, 5, 6)}
    assert len(batch.rows["targets"]) == 8 and batch.tokens == pytest.approx(8)
    assert list(totals.values()) == pytest.approx([8 / 3] * 3)


@pytest.fixture(scope="module")
def labelled_file(tmp_path_factory):
    rng = np.random.default_rng(0)
    lines = []
    for _ in range(300):
        letters = rng.choice(list("abcd"), rng.integers(3, 9))
        ordered = rng.random() < 0.5
        lines.append(f"{''.join(sorted(letters) if ordered else letters[::-1])}\t{'sorted' if ordered else 'mixed'}\n")
    path = tmp_path_factory.mktemp("labels") / "labels.tsv"
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def classifier(labelled_file, tmp_path_factory):
    return charlm.train(labelled_file, tmp_path_factory.mktemp("runs") / "classifier", **SETTINGS)


def test_a_classifier_is_trained_loaded_and_judged(classifier, labelled_file, capsys):
    assert classifier.labels == ["mixed", "sorted"] and classifier.info["can"] == ["classify", "evaluate"]
    probabilities = charlm.load(classifier.folder).probabilities(["abcd", "dcba", ""])
    assert probabilities.shape == (3, 2) and np.allclose(probabilities.sum(1), 1)
    assert "accuracy" in classifier.log[-1] and "macro_f1" in classifier.log[-1]
    assert main(["evaluate", str(classifier.folder), str(labelled_file), "--json"]) == 1
    assert "no test split" in capsys.readouterr().err
    copy = labelled_file.with_name("copy.tsv")
    copy.write_bytes(labelled_file.read_bytes() + b"abcd\tsorted\n")
    assert main(["evaluate", str(classifier.folder), str(copy)]) == 0
    out = capsys.readouterr().out
    assert "texts     301" in out and "confusion" in out
    assert main(["classify", str(classifier.folder), "abcd", "dcba", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["text"] for row in rows] == ["abcd", "dcba"]
    assert all(row["label"] == max(row["probabilities"], key=row["probabilities"].get) for row in rows)


def test_validation_is_the_price_of_the_held_out_labels(classifier, labelled_file):
    splits = {split: list(pairs) for split, pairs in read_pairs([str(labelled_file)], {}, classifier.config).items()}
    known = {text for text, _ in splits["train"]}
    held_out = [(text, label) for text, label in splits["validation"] if text not in known]
    assert 0 < len(held_out) <= 60
    probabilities = classifier.probabilities([text for text, _ in held_out])
    nats = [
        -np.log(row[classifier.labels.index(label)]) for row, (_, label) in zip(probabilities, held_out, strict=True)
    ]
    assert min(line["valid_nats_per_character"] for line in classifier.log) == pytest.approx(np.mean(nats), rel=1e-5)


def test_what_a_classifier_cannot_do_is_told(classifier, trained):
    with pytest.raises(ConfigError, match="'classify', which can classify and evaluate. Train with --task language"):
        classifier.sample("a")
    with pytest.raises(ConfigError, match="Train with --task classify"):
        trained.classify(["a"])
    assert classifier.classify("abcd") == classifier.classify(["abcd"])
    figures = classifier.evaluate([("abc", "other")])
    assert figures["accuracy"] == 0 and figures["labels"] == ["mixed", "sorted", "other"]


def test_a_classifier_begins_with_a_language_model(trained, labelled_file, tmp_path):
    settings = {name: value for name, value in SETTINGS.items() if name != "units"} | {"start": str(trained.folder)}
    run = charlm.train(labelled_file, tmp_path / "run", learning_rate=1e-9, **settings)
    assert run.config.model.cells == trained.config.model.cells
    assert run.source_tokenizer.specification == trained.tokenizer.specification
    for name in ("embedding", "layers.0.kernel", "layers.1.recurrent_kernel"):
        np.testing.assert_allclose(run.tensors[name], trained.tensors[name], atol=1e-5)
    with pytest.raises(ConfigError, match="with units=16. Received: units=99. Leave out units"):
        charlm.train(labelled_file, tmp_path / "other", **settings, units=99)
    with pytest.raises(ConfigError, match="`start` is for a classifier"):
        charlm.train(labelled_file, tmp_path / "other", start=str(trained.folder), task="language")
    with pytest.raises(CharlmError, match="is not a bundle"):
        charlm.train(labelled_file, tmp_path / "other", start=str(tmp_path), task="classify")
    with pytest.raises(ConfigError, match="`start` brings its own network. Received: preset='tiny'. Leave out preset"):
        charlm.train(labelled_file, tmp_path / "other", preset="tiny", start=str(trained.folder))


def test_a_classifier_goes_on_where_what_it_began_with_is_gone(trained, labelled_file, tmp_path):
    begun = {name: value for name, value in SETTINGS.items() if name != "units"} | {"start": str(tmp_path / "begun")}
    shutil.copytree(trained.folder, tmp_path / "begun")
    charlm.train(labelled_file, tmp_path / "whole", **begun)
    with pytest.raises(KeyboardInterrupt):
        charlm.train(labelled_file, tmp_path / "run", callbacks=[StopAfter(2)], **begun)
    shutil.rmtree(tmp_path / "begun")
    assert_goes_on_exactly(labelled_file, tmp_path / "whole", tmp_path / "run", [3], begun)


def test_the_languages_have_the_same_letters():
    pairs = list(languages.pairs("test"))
    assert len(pairs) == 1000 and pairs == list(languages.pairs("test"))
    assert {label for _, label in pairs} == set(languages.NAMES)
    sources = {split: {line for line, _ in languages.pairs(split)} for split in ("validation", "test", "train")}
    assert not sources["train"] & sources["test"] and not sources["validation"] & sources["test"]
    assert not sources["train"] & sources["validation"]


def test_a_bag_of_characters_cannot_tell_the_languages():
    """Logistic regression on the counts of characters, by many steps of its own gradient."""

    def counted(split):
        lines, labels = zip(*languages.pairs(split), strict=True)
        counts = np.array([[line.count(letter) for letter in languages.LETTERS] for line in lines], float)
        wanted = np.array([languages.NAMES.index(label) for label in labels])
        return np.c_[counts / counts.sum(1, keepdims=True), np.ones(len(lines))] * 10, wanted

    (x, y), (x_test, y_test) = counted("train"), counted("test")
    weights = np.zeros((x.shape[1], len(languages.NAMES)))
    for _ in range(300):
        scores = x @ weights
        shares = np.exp(scores - scores.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        shares[np.arange(len(y)), y] -= 1
        weights -= 0.05 * x.T @ shares / len(y)
    accuracy = ((x_test @ weights).argmax(1) == y_test).mean()
    assert accuracy < 0.3
