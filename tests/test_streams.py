import itertools

import numpy as np
import pytest

from charlm import streams
from charlm.batching import BatchPlan
from charlm.config import DataConfig
from charlm.corpus import prepare
from charlm.errors import CorpusError
from charlm.pairs import prepare_pairs
from charlm.streams import Batch, contiguous, windows
from charlm.text import Chunk
from charlm.tokenizer import BOS, EOS, PAD


@pytest.fixture(scope="module")
def store(cache):
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("abcdefghij"), 1003))
    return prepare([Chunk(text, True)], DataConfig(split="50/50"))


def take(dataset, count):
    return [Batch(*batch) for batch in itertools.islice(dataset.as_numpy_iterator(), count)]


@pytest.mark.parametrize("stream", [contiguous, windows])
def test_targets_are_the_next_inputs(store, stream):
    tokens = store.tokens("train").tolist()
    for batch in take(stream(store, "train", batch_size=3, length=20), 20):
        rows = batch.rows
        assert np.array_equal(rows["inputs"][:, 1:], rows["targets"][:, :-1])
        assert (rows["inputs"][rows["reset"], 0] == BOS).all()
        assert batch.tokens == 60
        assert batch.characters == 60
        for row in rows["targets"].tolist():
            assert any(tokens[place : place + 20] == row for place in range(len(tokens)))


def test_contiguous_rows_run_on_and_cover_the_split(store):
    batches = take(contiguous(store, "train", batch_size=3, length=20), 16)
    for before, after in itertools.pairwise(batches[:8]):
        assert np.array_equal(after.rows["inputs"][:, 0], before.rows["targets"][:, -1])
    assert [bool(batch.rows["reset"].all()) for batch in batches] == [True, *[False] * 7] * 2
    seen = np.concatenate([batch.rows["targets"] for batch in batches[:8]], axis=1).reshape(-1)
    tokens = store.tokens("train")
    assert any(np.array_equal(tokens[shift : shift + 480], seen) for shift in range(len(tokens) - 479))


def test_windows_of_an_epoch_do_not_overlap(store):
    batches = take(windows(store, "train", batch_size=3, length=20), 8)
    assert all(batch.rows["reset"].all() for batch in batches)
    rows = [tuple(row) for batch in batches for row in batch.rows["targets"].tolist()]
    assert len(set(rows)) == len(rows) == 24
    tokens = store.tokens("train").tolist()
    starts = sorted(next(p for p in range(len(tokens)) if tuple(tokens[p : p + 20]) == row) for row in rows)
    assert min(np.diff(starts)) >= 20


@pytest.mark.parametrize("stream", [contiguous, windows])
def test_any_step_is_reached_without_replay(store, stream):
    from_zero = take(stream(store, "train", batch_size=3, length=20, seed=5), 30)
    from_there = take(stream(store, "train", batch_size=3, length=20, seed=5, start=23), 7)
    for one, other in zip(from_zero[23:], from_there, strict=True):
        assert all(np.array_equal(one.rows[name], other.rows[name]) for name in one.rows)


def test_the_seed_changes_the_windows(store):
    one, other = (take(windows(store, "train", batch_size=3, length=20, seed=seed), 1)[0] for seed in (0, 1))
    assert not np.array_equal(one.rows["targets"], other.rows["targets"])


def test_document_marks_are_read_but_bos_is_no_target():
    store = prepare([Chunk("abab", True)] * 50, DataConfig(split="50/50"))
    batch = take(contiguous(store, "train", batch_size=1, length=60), 1)[0]
    targets, weights = batch.rows["targets"], batch.rows["weights"]
    assert (targets == BOS).sum() >= 9
    assert np.array_equal(weights == 0, targets == BOS)
    assert batch.tokens == weights.sum()
    assert batch.characters == (targets > 3).sum()


@pytest.mark.parametrize(
    "batch_size, length, remedy",
    [(64, 20, "Lower batch_size to 25 "), (2, 600, "Lower batch_size to 1 and sequence_length to 501 ")],
)
def test_a_corpus_too_short_says_which_number_to_lower(store, batch_size, length, remedy):
    with pytest.raises(CorpusError, match="too few for one batch.*" + remedy):
        contiguous(store, "train", batch_size=batch_size, length=length)


@pytest.mark.parametrize("stream", [contiguous, windows])
def test_no_tuning_thread_outlives_training(store, stream):
    """TensorFlow's autotuner sleeps for up to a minute, and the end of an iterator waits for it."""
    assert stream(store, "train", batch_size=3, length=20).options().autotune.enabled is False


def test_weights_count_by_the_whole_text_and_not_by_a_batch(pairs):
    store = prepare_pairs({"train": pairs, "validation": pairs[:1]}, DataConfig())
    weights = np.linspace(0, 2, store.tokenizer.vocab_size, dtype=np.float32)
    tables = {"characters_per_id": store.tokenizer.characters_per_id, "weight_per_id": weights}
    plan = BatchPlan(store.splits["train"], tokens=200, multiple=2)
    for batch in streams.pairs(store.splits["train"], plan, **tables).take(3).as_numpy_iterator():
        targets = batch.rows["targets"]
        assert np.array_equal(batch.rows["weights"], np.where(targets != PAD, weights[targets], 0))
        assert batch.tokens == (targets != PAD).sum()


def test_batches_of_pairs_are_a_function_of_seed_and_step(pairs):
    store = prepare_pairs({"train": pairs, "validation": pairs[:1]}, DataConfig())
    split, characters_per_id = store.splits["train"], store.tokenizer.characters_per_id
    plan = BatchPlan(split, tokens=200, multiple=2)

    def read(start, seed=0):
        stream = streams.pairs(split, plan, characters_per_id=characters_per_id, seed=seed, start=start)
        return list(stream.take(len(plan) + 2).as_numpy_iterator())

    batches, later = read(0), read(2)
    for one, other in zip(batches[2:], later, strict=False):
        assert all(np.array_equal(one.rows[name], other.rows[name]) for name in one.rows)
    epoch = batches[: len(plan)]
    assert sum(int(batch.characters) for batch in epoch) == sum(len(target) for _, target in pairs)
    assert not np.array_equal(read(0, seed=1)[0].rows["source"], batches[0].rows["source"])
    for batch in epoch:
        rows = batch.rows
        assert batch.tokens == rows["weights"].sum() == (rows["targets"] != PAD).sum()
        assert np.array_equal(rows["inputs"][:, 1:], rows["targets"][:, :-1])
        assert np.all(rows["inputs"][:, 0] == BOS)
        assert np.all((rows["source"] != PAD).any(axis=1))
        assert len(rows["source"]) % 2 == 0
        for source, target in zip(rows["source"], rows["targets"], strict=True):
            text = store.tokenizer.decode(source[(source != PAD) & (source != EOS)])
            assert store.tokenizer.decode(target[(target != PAD) & (target != EOS)]) == text[::-1].upper()
