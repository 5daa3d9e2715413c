"""Token store to `tf.data`: batches that are pure functions of (seed, epoch, step)."""

from typing import NamedTuple

import numpy as np

from charlm.backend import tf
from charlm.batching import BatchPlan
from charlm.corpus import Store
from charlm.errors import CorpusError
from charlm.pairs import PairSplit
from charlm.tokenizer import BOS, EOS, PAD

_STEPS_A_READ = 8
_FOREVER = np.iinfo(np.int64).max - _STEPS_A_READ


class Batch(NamedTuple):
    """A batch of a stream.

    `rows` holds what is dealt to the replicas, rows first: `inputs`, `targets` (int32) and `weights` (float32),
    `(B, T)` each. In a stream of a text there is `reset` (bool), `(B,)`: the row starts from zero, and its first input
    is `<bos>`. In a stream of pairs there is `source` (int32), `(B, S)`. One of a series has `values` and `targets`
    alone, of float32.
    """

    rows: dict[str, "tf.Tensor"]
    tokens: "tf.Tensor"  #: float32: the sum of all weights, or how many they are where they tell labels apart
    characters: "tf.Tensor"  #: an integer: how many characters of the text the targets are


def steps_per_epoch(store: Store, split: str, *, batch_size: int, length: int) -> int:
    """Returns the steps that one pass over a split takes.

    Raises:
        CorpusError: the split is too short for one batch; the message says which number to lower.
    """
    tokens = store.splits[split].tokens
    if steps := tokens // (batch_size * length):
        return steps
    if tokens >= length:
        remedy = f"Lower batch_size to {tokens // length} (--batch-size {tokens // length})."
    elif tokens:
        remedy = f"Lower batch_size to 1 and sequence_length to {tokens} (--batch-size 1 --sequence-length {tokens})."
    else:
        remedy = "Use a longer text."
    raise CorpusError(
        f"The {split} split has {tokens:,} ids: too few for one batch of {batch_size} rows of {length}. {remedy}"
    )


def contiguous(
    store: Store, split: str, *, batch_size: int, length: int, seed: int = 0, start: int = 0
) -> "tf.data.Dataset":
    """Streams batches whose rows run on from one to the next, so that a state can be carried.

    Each epoch, row `r` walks through the `r`-th of `batch_size` equal parts of the split. Where the parts begin
    shifts a little from epoch to epoch, within what would be left over at the end.

    Args:
        store: the corpus.
        split: `train`, `validation` or `test`.
        batch_size: rows, `B`.
        length: ids a row, `T`.
        seed: of the shifts.
        start: the step to begin with; earlier ones are not computed.

    Returns:
        An endless dataset of `Batch`.

    Raises:
        CorpusError: the split is too short for one batch.
    """
    tokens = store.tokens(split)
    steps = steps_per_epoch(store, split, batch_size=batch_size, length=length)
    part = steps * length

    def places(step: int) -> tuple[np.ndarray, np.ndarray]:
        epoch, within = divmod(step, steps)
        shift = np.random.default_rng((seed, epoch)).integers(len(tokens) - part * batch_size + 1)
        first = shift + part * np.arange(batch_size) + within * length
        return first, np.full(batch_size, within == 0)

    return _stream(store, tokens, places, batch_size=batch_size, length=length, start=start)


def windows(
    store: Store, split: str, *, batch_size: int, length: int, seed: int = 0, start: int = 0
) -> "tf.data.Dataset":
    """Streams shuffled windows, each of which starts from zero.

    Each epoch cuts the split into windows from another offset and shuffles them anew.

    Args:
        store: the corpus.
        split: `train`, `validation` or `test`.
        batch_size: rows, `B`.
        length: ids a row, `T`.
        seed: of the offsets and the order.
        start: the step to begin with; earlier ones are not computed.

    Returns:
        An endless dataset of `Batch`.

    Raises:
        CorpusError: the split is too short for one batch.
    """
    tokens = store.tokens(split)
    steps = steps_per_epoch(store, split, batch_size=batch_size, length=length)
    last = len(tokens) // length - 1

    def places(step: int) -> tuple[np.ndarray, np.ndarray]:
        epoch, within = divmod(step, steps)
        offset = np.random.default_rng((seed, epoch)).integers(len(tokens) - (last + 1) * length + 1)
        numbers = within * batch_size + np.arange(batch_size)
        shuffled = tf.random.experimental.index_shuffle(numbers, [seed, epoch], last).numpy()
        return offset + shuffled * length, np.ones(batch_size, bool)

    return _stream(store, tokens, places, batch_size=batch_size, length=length, start=start)


def _stream(store: Store, tokens, places, *, batch_size: int, length: int, start: int) -> "tf.data.Dataset":
    characters_per_id = store.tokenizer.characters_per_id

    def read(step):
        """Reads several steps at once: a call into Python costs as much as a batch."""
        first, reset = map(np.stack, zip(*map(places, range(step, step + _STEPS_A_READ)), strict=True))  # (N, B)
        index = first[..., None] + np.arange(-1, length)  # (N, B, T + 1)
        ids = tokens[np.maximum(index, 0)].astype(np.int32)
        ids[reset, 0] = BOS
        targets = ids[..., 1:]
        weights = ((targets != BOS) & (targets != PAD)).astype(np.float32)
        totals = weights.sum((1, 2)), characters_per_id[targets].sum((1, 2))
        return ids[..., :-1], targets, weights, reset, *totals

    types = (tf.int32, tf.int32, tf.float32, tf.bool, tf.float32, tf.int64)
    shapes = ((batch_size, length),) * 3 + ((batch_size,), (), ())

    def batches(step):
        values = tf.numpy_function(read, [step], types, stateful=False)
        shaped = (tf.ensure_shape(value, (_STEPS_A_READ, *shape)) for value, shape in zip(values, shapes, strict=True))
        inputs, targets, weights, reset, total, characters = shaped
        rows = {"inputs": inputs, "targets": targets, "weights": weights, "reset": reset}
        return Batch(rows, total, characters)

    reads = tf.data.Dataset.range(start, _FOREVER, _STEPS_A_READ).map(batches)
    return reads.unbatch().prefetch(2 * _STEPS_A_READ).with_options(_options())


def pairs(
    split: PairSplit,
    plan: BatchPlan,
    *,
    characters_per_id: np.ndarray,
    weight_per_id: np.ndarray | None = None,
    seed: int = 0,
    start: int = 0,
) -> "tf.data.Dataset":
    """Streams batches of pairs of like length.

    Args:
        split: the pairs.
        plan: which of them make up a batch.
        characters_per_id: of the targets' tokenizer.
        weight_per_id: of the targets, `(V,)`; 1 each where it is None.
        seed: of the order.
        start: the step to begin with; earlier ones are not computed.

    Returns:
        An endless dataset of `Batch`.
    """

    def read(step):
        rows = plan.rows(seed, *divmod(int(step), len(plan)))
        source_width, target_width = plan.widths[rows[rows >= 0]].max(axis=0)
        source, targets = split.source.padded(rows, source_width), split.target.padded(rows, target_width)
        source[rows < 0, 0] = EOS  # a row with nothing at all to read fails on GPUs
        inputs = np.concatenate([np.full((len(rows), 1), BOS, np.int32), targets[:, :-1]], axis=1)
        weights = (targets != PAD) * (np.float32(1) if weight_per_id is None else weight_per_id[targets])
        weights = weights.astype(np.float32)
        tokens = np.float32((targets != PAD).sum())  # weights are 1 in the mean: of all pairs, not of a batch
        return source, inputs, targets, weights, tokens, characters_per_id[targets].sum()

    def batch(step):
        types = (tf.int32, tf.int32, tf.int32, tf.float32, tf.float32, tf.int64)
        *columns, total, characters = tf.numpy_function(read, [step], types, stateful=False)
        columns = [tf.ensure_shape(column, (None, None)) for column in columns]
        rows = dict(zip(("source", "inputs", "targets", "weights"), columns, strict=True))
        return Batch(rows, tf.ensure_shape(total, ()), tf.ensure_shape(characters, ()))

    dataset = tf.data.Dataset.range(start, _FOREVER).map(batch)
    return dataset.prefetch(_STEPS_A_READ).with_options(_options())


def windows_per_epoch(values: np.ndarray, *, batch_size: int, read: int, follow: int) -> int:
    """Returns the steps in which each window of a series is read about once; at least one."""
    return max((len(values) - read - follow + 1) // batch_size, 1)


def series(
    values: np.ndarray, *, batch_size: int, read: int, follow: int, seed: int = 0, start: int = 0
) -> "tf.data.Dataset":
    """Streams windows of a series, shuffled anew each epoch, and what follows them.

    Args:
        values: float32 `(N, C)`.
        batch_size: windows a batch, `B`.
        read: steps of a window.
        follow: steps after it; where they are none, the targets are the windows themselves.
        seed: of the order.
        start: the step to begin with; earlier ones are not computed.

    Returns:
        An endless dataset of `Batch`, with `values` `(B, read, C)` and `targets` `(B, follow, C)`.
    """
    places = len(values) - read - follow + 1
    steps = windows_per_epoch(values, batch_size=batch_size, read=read, follow=follow)

    def cut(step):
        epoch, within = divmod(int(step), steps)
        numbers = (within * batch_size + np.arange(batch_size)) % places
        first = tf.random.experimental.index_shuffle(numbers, [seed, epoch], places - 1).numpy()[:, None]
        before = values[first + np.arange(read)]
        return before, values[first + read + np.arange(follow)] if follow else before

    columns = values.shape[1]
    shapes = ((batch_size, read, columns), (batch_size, follow or read, columns))
    size = int(np.prod(shapes[1]))

    def batch(step):
        found = tf.numpy_function(cut, [step], (tf.float32, tf.float32), stateful=False)
        found = [tf.ensure_shape(value, shape) for value, shape in zip(found, shapes, strict=True)]
        return Batch(dict(zip(("values", "targets"), found, strict=True)), tf.constant(float(size)), tf.constant(size))

    dataset = tf.data.Dataset.range(start, _FOREVER).map(batch)
    return dataset.prefetch(_STEPS_A_READ).with_options(_options())


def _options() -> "tf.data.Options":
    options = tf.data.Options()
    options.autotune.enabled = False  # nothing to tune; and its thread, asleep, holds up the end of an iterator
    return options
