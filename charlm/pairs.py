"""Pairs of texts as ids: a source and a target each, split for training, validation and test."""

import hashlib
import itertools
import logging
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.config import DataConfig
from charlm.datasets import Pair
from charlm.errors import CorpusError
from charlm.progress import open_bar
from charlm.tokenizer import EOS, PAD, SPECIALS, Ids, Tokenizer

log = logging.getLogger(__name__)


class Ragged:
    """Rows of ids of different lengths, one after the other in an array.

    >>> rows = Ragged([np.array([5, 6, 7]), np.array([8])])
    >>> rows.padded(np.array([1, 0]), 4).tolist()
    [[8, 0, 0, 0], [5, 6, 7, 0]]
    """

    def __init__(self, rows: Sequence[NDArray[Any]]):
        self.lengths = np.array([len(row) for row in rows], np.int64)
        self.ids: Ids = np.concatenate([*rows, np.zeros(0)], dtype=np.int32, casting="unsafe")
        self._starts = np.cumsum(self.lengths) - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> Ids:
        return self.ids[self._starts[row] : self._starts[row] + self.lengths[row]]

    def padded(self, rows: NDArray[np.integer], width: int | None = None) -> Ids:
        """Returns rows `(B, width)`, filled up with `<pad>`; row -1 is empty."""
        lengths = np.where(rows < 0, 0, self.lengths[rows])
        places = np.arange(lengths.max(initial=1) if width is None else width)
        inside = places < lengths[:, None]
        return np.where(inside, self.ids[(self._starts[rows][:, None] + places) * inside], PAD).astype(np.int32)


@dataclass(frozen=True)
class PairSplit:
    """What a split holds: its sources and its targets, each but a label ended by `<eos>`."""

    pairs: list[Pair]
    source: Ragged
    target: Ragged

    @property
    def characters(self) -> int:
        """How many characters the targets have."""
        return sum(len(target) for _, target in self.pairs)


@dataclass(frozen=True)
class PairStore:
    """Pairs as ids, with the tokenizers of both sides."""

    source_tokenizer: Tokenizer
    tokenizer: Tokenizer  #: of the targets
    splits: dict[str, PairSplit]
    sha256: str

    @property
    def vocab_sizes(self) -> tuple[int, int]:
        """Of the targets, and of the sources."""
        return self.tokenizer.vocab_size, self.source_tokenizer.vocab_size

    @property
    def training_ids(self) -> int:
        """How many ids there are to train on, of sources and targets."""
        split = self.splits["train"]
        return int(split.source.lengths.sum() + split.target.lengths.sum())

    @property
    def ids_a_pair(self) -> float:
        """How many ids a pair to train on has, in the mean."""
        return self.training_ids / len(self.splits["train"].pairs)


def prepare_pairs(
    splits: Mapping[str, Iterable[Pair]],
    config: DataConfig,
    *,
    labels: bool = False,
    source_tokenizer: Tokenizer | None = None,
) -> PairStore:
    """Turns pairs into ids. The vocabularies come from the training split alone.

    Pairs with an empty side, or one of more than `config.max_length` ids, are left out, and of what is held out those
    whose source is trained on; how many is logged.

    Args:
        splits: the pairs of `train`, `validation` and perhaps `test`.
        config: how to tokenize.
        labels: the targets are labels, an id each.
        source_tokenizer: of the sources, where it is not to be made from them.

    Returns:
        The store.

    Raises:
        CorpusError: a split that is needed has no pairs, or there is one label alone.
    """
    usable = drop_unusable(splits, labels=labels)
    kept = drop_known(usable)
    sources, targets = (map(operator.itemgetter(side), kept["train"]) for side in range(2))
    if labels and kept["train"]:
        tokenizer = Tokenizer.labels(sorted(set(targets)))
        source_tokenizer = source_tokenizer or _make_tokenizer(sources, config)
        if tokenizer.vocab_size < len(SPECIALS) + 2:
            raise CorpusError("All lines to train on have the same label: there is nothing to tell apart.")
    elif config.shared_vocabulary:
        source_tokenizer = tokenizer = _make_tokenizer(itertools.chain(sources, targets), config)
    else:
        source_tokenizer, tokenizer = _make_tokenizer(sources, config), _make_tokenizer(targets, config)
    encoded = {
        name: _encode(name, pairs, source_tokenizer, tokenizer, config.max_length) for name, pairs in kept.items()
    }
    for name in ("train", "validation"):
        if not len(encoded[name].source):
            has_own_file = config.validation is not None
            origin = "" if has_own_file else f" ({config.split} of {sum(map(len, kept.values())):,} pairs)"
            fit = f"of at most {config.max_length} ids" if kept[name] else "that can be used"
            remedies = [
                "Give more pairs",
                *([] if has_own_file else ["a file of their own (--validation FILE)", "another --split"]),
                *(["a larger --max-length"] if kept[name] else []),
            ]
            raise CorpusError(f"The {name} split{origin} holds none {fit}. {', or '.join(remedies)}.")
    return PairStore(source_tokenizer, tokenizer, encoded, digest(usable))


def drop_unusable(splits: Mapping[str, Iterable[Pair]], *, labels: bool, tell: bool = True) -> dict[str, list[Pair]]:
    """Leaves out pairs with an empty side, or with a label that is not among those to train on; tells how many."""
    kept = {name: _drop(name, list(pairs), all, "empty on a side", tell=tell) for name, pairs in splits.items()}
    if not labels:
        return kept
    known, why = {label for _, label in kept["train"]}, "of a label that training does not have"
    return {name: _drop(name, pairs, lambda pair: pair[1] in known, why, tell=tell) for name, pairs in kept.items()}


def drop_known(splits: Mapping[str, list[Pair]]) -> dict[str, list[Pair]]:
    """Leaves out of what is held out the pairs whose source is trained on, if there are others; tells how many."""
    known, why = {source for source, _ in splits["train"]}, "of a source that is trained on"
    held_out = {name: pairs for name, pairs in splits.items() if name != "train"}
    for name, pairs in held_out.items():
        if pairs and known.issuperset(source for source, _ in pairs):
            log.warning("All of the %s split is %s: it tells nothing of new ones.", name, why)
        else:
            held_out[name] = _drop(name, pairs, lambda pair: pair[0] not in known, why)
    return {"train": splits["train"], **held_out}


def _drop(name: str, pairs: list[Pair], is_kept: Callable[[Pair], bool], why: str, *, tell: bool = True) -> list[Pair]:
    kept = [pair for pair in pairs if is_kept(pair)]
    if tell:
        _tell_dropped(name, len(pairs), len(kept), why)
    return kept


def _tell_dropped(name: str, before: int, after: int, why: str) -> None:
    if before > after:
        log.warning(
            "%s of %s pairs in the %s split are %s and are left out.", f"{before - after:,}", f"{before:,}", name, why
        )


def _make_tokenizer(texts: Iterator[str], config: DataConfig) -> Tokenizer:
    if config.tokenizer == "byte":
        return Tokenizer.bytes()
    if config.tokenizer == "char":
        alphabet: set[str] = set()
        return Tokenizer.characters(alphabet.union(*texts))
    return Tokenizer.train_bpe(texts, config.vocab_size)


def _encode(
    name: str, pairs: list[Pair], source_tokenizer: Tokenizer, tokenizer: Tokenizer, max_length: int
) -> PairSplit:
    end = np.array([EOS], np.int32)
    target_end = end[:0] if tokenizer.kind == "label" else end
    rows: list[tuple[Ids, Ids]] = []
    kept: list[Pair] = []
    sides = (source_tokenizer, tokenizer)
    with open_bar(f"encoding {name}", unit="pair", total=len(pairs)) as bar:
        for pair in pairs:
            ids = [side.encode(text, unknown="replace") for side, text in zip(sides, pair, strict=True)]
            if max(map(len, ids)) <= max_length:
                kept.append(pair)
                rows.append((np.concatenate([ids[0], end]), np.concatenate([ids[1], target_end])))
            bar.update()
    _tell_dropped(name, len(pairs), len(kept), f"longer than {max_length} ids")
    return PairSplit(kept, Ragged([row[0] for row in rows]), Ragged([row[1] for row in rows]))


def digest(splits: Mapping[str, Sequence[Pair]]) -> str:
    """Returns the sha256 of pairs by split."""
    sha256 = hashlib.sha256()
    for name, pairs in splits.items():
        sha256.update(name.encode())
        for pair in pairs:
            sha256.update("\t".join(pair).encode(errors="surrogatepass") + b"\n")
    return sha256.hexdigest()
