"""Who reads what: the texts and pairs that are trained on, and those that are held out."""

import itertools
import logging
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from charlm.config import SPLITS, Config, DataConfig, ReadingConfig
from charlm.datasets import Pair, find_sources, is_among, is_task, learnt_by, read_lines, refuse_lost, task_pairs
from charlm.errors import CorpusError
from charlm.pairs import digest, drop_known, drop_unusable
from charlm.text import STANDARD_INPUT

log = logging.getLogger(__name__)

Item = TypeVar("Item")

_PIECES = 20  #: of a long line that an autoencoder reads begin within the length of one
_LONGEST_PART = 10  #: characters of a piece in another that is made of parts


def read_pairs(
    names: Sequence[str], held_out: Mapping[str, Sequence[str]], config: Config
) -> dict[str, Iterable[Pair]]:
    """Reads pairs of texts by split: tab-separated files, or a task by name.

    For an autoencoder a pair is a line and the same line; one of more than `max_length` characters (of `byte` and `bpe`
    bytes) is cut into pieces of as many. Those to train on begin at every few characters, so that what is learnt does
    not depend on where; and there are half as many that are made of small parts of others, which no knowledge of the
    language helps to rebuild.

    Args:
        names: corpora, or one task.
        held_out: the corpora of `validation` and `test`, where they are of their own.
        config: of the run.

    Raises:
        CorpusError, TextError: something named is not there or cannot be read.
    """
    if len(names) == 1 and is_task(names[0]) and not held_out and config.model.task == learnt_by(names[0]):
        return {split: task_pairs(names[0], split) for split in SPLITS}
    names = without_held_out(names, held_out)  # what is not there is told at once
    if config.model.task == "autoencode":
        splits = _split(names, held_out, _read_lines, config)
        length = config.data.max_length
        pieces = list(_cut(splits.pop("train"), config.data, max(length // _PIECES, 1)))
        held_out_pieces = {split: _twice(_cut(lines, config.data, length)) for split, lines in splits.items()}
        mixed = (next(_cut([text], config.data, length)) for text in _mix(pieces[::2]))
        return {"train": _twice([*pieces, *mixed]), **held_out_pieces}
    return _split(names, held_out, _read_tabs, config)


def read_test_pairs(
    name: str, config: Config, about: Mapping[str, Any] = MappingProxyType({}), *, split: str | None = None
) -> Iterable[Pair]:
    """Reads the pairs of a file, or of a split of a task, as a run read those that it was trained on.

    Of what the run was trained on, be it by its name or a file that holds the same, it is that split, without the
    sources that training has too. Pairs with an empty side are left out.

    Args:
        name: of a file, corpus or task.
        config: of the run.
        about: the run, as its bundle tells.
        split: `test` or `validation`; None for `test`, where there are splits.

    Raises:
        CorpusError: the run was trained on it, and kept no such split, or it has changed since; it is generated for
            another task; or it is a file of which no split is known, and one was asked for.
    """
    if is_task(name):
        if learnt_by(name) != config.model.task:
            raise CorpusError(f"'{name}' is for --task {learnt_by(name)}, and the run is of {config.model.task}.")
        return filter(all, task_pairs(name, split or "test"))
    own = next((kind for kind, names in held_out_names(config).items() if is_among(name, names)), None)
    splits = _read_known(name, config, about, is_held_out=own is not None)
    if splits is not None:
        if own and split not in (None, own):
            raise CorpusError(f"{name} is the run's {own} split, and not its {split} split. Leave out the split.")
        split = own or split or "test"
        if split not in splits:
            raise CorpusError(
                f"The run was trained on {name}, and has no {split} split, but {' and '.join(splits)}. "
                "Name another file, or another split."
            )
        log.info("The run knows %s: its %s split is evaluated.", name, split)
        return drop_known(splits)[split]
    refuse_split(name, split)
    if config.model.task == "autoencode":
        return _twice(_cut(_read_lines([name], config.reading), config.data, config.data.max_length))
    return filter(all, _read_tabs([name], config.reading))


def _read_known(
    name: str, config: Config, about: Mapping[str, Any], *, is_held_out: bool
) -> dict[str, list[Pair]] | None:
    """Returns by split what a run was trained on, if that is its corpus or a file of it, or a copy; else None.

    Standard input is read once, and not for this.
    """
    corpus, held_out = about.get("corpus", []), held_out_names(config)
    is_named = bool(corpus) and (is_held_out or is_among(name, corpus))
    if is_named:
        refuse_lost([*corpus, *itertools.chain(*held_out.values())])
    elif not corpus or held_out or name == STANDARD_INPUT:
        return None
    pairs = read_pairs(corpus if is_named else [name], held_out, config)
    splits = drop_unusable(pairs, labels=config.model.task == "classify", tell=is_named)
    if digest(splits) == about.get("corpus_sha256"):
        return splits
    if is_named:
        raise CorpusError(
            f"What the run was trained on has changed since, as {name} may have: no part of it is sure to be new. "
            "Give another file."
        )
    return None


def refuse_split(name: str, split: str | None) -> None:
    """Refuses to look for a split in what the run does not know, as it may be under another name; tells, if none is."""
    if split is not None:
        raise CorpusError(
            f"The run does not know {name}, which has no {split} split: it can be judged whole. Leave out the split, "
            "or give the file under the name that `charlm info` tells."
        )
    log.info("The run does not know %s: all of it is evaluated.", name)


def held_out_names(config: Config) -> dict[str, list[str]]:
    """Returns the corpora of `validation` and `test` that a config names."""
    names = {"validation": config.data.validation, "test": config.data.test}
    return {split: [name] for split, name in names.items() if name is not None}


def without_held_out(names: Sequence[str], held_out: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns the sources of a corpus but those that are held out, as a file of a folder may be.

    Raises:
        CorpusError, TextError: something named is not there, or nothing is left.
    """
    sources = find_sources(names)
    kept_apart = {os.path.realpath(source) for files in held_out.values() for source in find_sources(files)}
    left = [source for source in sources if os.path.realpath(source) not in kept_apart]
    if not left:
        raise CorpusError("All of the corpus is held out: there is nothing to train on. Name another validation text.")
    if len(left) < len(sources):
        log.info("%d file(s) of the corpus are held out: they are not trained on.", len(sources) - len(left))
    return left


def _split(
    names: Sequence[str],
    held_out: Mapping[str, Sequence[str]],
    read: Callable[[Sequence[str], ReadingConfig], Iterator[Item]],
    config: Config,
) -> dict[str, Iterable[Item]]:
    """Reads what there is by split: from files of its own, or from a share of all."""
    if held_out:
        return {split: read(files, config.reading) for split, files in {"train": names, **held_out}.items()}
    whole = list(read(names, config.reading))
    if config.model.task == "classify":  # lines may stand label by label
        random.Random(0).shuffle(whole)
    return {split: whole[start:end] for split, (start, end) in config.data.split_places(len(whole)).items()}


def _read_tabs(names: Sequence[str], config: ReadingConfig) -> Iterator[Pair]:
    for source in find_sources(names):
        for number, line in enumerate(read_lines(source, config), 1):
            first, *others = line.split("\t")
            if len(others) == 1:
                yield first, others[0]
            elif line:
                raise CorpusError(
                    f"{source}, line {number}: {len(others)} tabs, where one belongs between a source and its target. "
                    "Give tab-separated pairs, or texts and labels; plain text is learnt without --task."
                )


def _read_lines(names: Sequence[str], config: ReadingConfig) -> Iterator[str]:
    return (line for source in find_sources(names) for line in read_lines(source, config) if line)


def _cut(lines: Iterable[str], config: DataConfig, stride: int) -> Iterator[str]:
    """Cuts lines into pieces of at most `max_length` ids, whatever they hold, without a character that a cut parts."""
    for line in lines:
        whole = line if config.tokenizer == "char" else line.encode()  # an id of the others stands for a byte or more
        last = max(len(whole) - config.max_length, 0)
        for start in (*range(0, last, stride), last):
            piece = whole[start : start + config.max_length]
            yield piece if isinstance(piece, str) else piece.decode(errors="ignore")


def _mix(pieces: Sequence[str]) -> Iterator[str]:
    """Yields for each piece one of the same length that is made of parts of others; the same ones every time."""
    draw = random.Random(0).random
    for piece in pieces:
        mixed = ""
        while len(mixed) < len(piece):
            other = pieces[int(draw() * len(pieces))]
            start = int(draw() * len(other))
            mixed += other[start : start + 1 + int(draw() * _LONGEST_PART)]
        yield mixed[: len(piece)]


def _twice(texts: Iterable[str]) -> Iterator[Pair]:
    return ((text, text) for text in texts)
