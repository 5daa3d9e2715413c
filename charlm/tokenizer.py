"""Characters to ids and back: `char`, `byte` and `bpe`, each a standard Hugging Face `tokenizer.json`.

So are the labels of a classifier: a vocabulary whose entries are whole texts.
"""

import functools
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.errors import ConfigError, TokenizerError, UnknownCharacterError

Ids = NDArray[np.int32]

SPECIALS = ("<pad>", "<unk>", "<bos>", "<eos>")
UNKNOWN = ("error", "skip", "replace")  #: what `encode` can do with a character outside the vocabulary
PAD, UNK, BOS, EOS = range(len(SPECIALS))

_SURROGATE = re.compile("[\ud800-\udfff]")
_LONG_RUN = re.compile(r"\S{1000}|\s{1000}")
_CHAR_LAYOUT = {
    "normalizer": None,
    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": r"[\s\S]"}, "behavior": "Isolated", "invert": False},
    "post_processor": None,
    "decoder": {"type": "Fuse"},
}
_LABEL_LAYOUT = {"normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None}
_BYTE_LAYOUT: dict[str, Any] = {
    "normalizer": None,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
    "post_processor": None,
    "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
}
_BPE_LAYOUT = {**_BYTE_LAYOUT, "pre_tokenizer": {**_BYTE_LAYOUT["pre_tokenizer"], "use_regex": True}}
_BPE_MODEL = {
    "type": "BPE",
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": False,
    "byte_fallback": False,
    "ignore_merges": False,
}


class Tokenizer:
    """A vocabulary and its two directions, over the content of a `tokenizer.json`.

    `<pad>`, `<unk>`, `<bos>` and `<eos>` are ids 0 to 3 of every vocabulary. They are never made from text:
    a text that spells `<eos>` is five characters.

    Args:
        specification: the parsed `tokenizer.json`, in one of the layouts that charlm writes.

    Raises:
        TokenizerError: the specification has another layout.

    >>> tokenizer = Tokenizer.characters("héllo")
    >>> tokenizer.encode("hello", unknown="replace").tolist()
    [4, 1, 5, 5, 6]
    >>> tokenizer.decode([4, 7, 5, 5, 6])
    'héllo'
    """

    def __init__(self, specification: dict[str, Any]):
        self.specification = specification
        try:
            self.kind, pieces = _read(specification)
        except (LookupError, TypeError, ValueError, AttributeError):
            raise TokenizerError(
                "The tokenizer is not one of charlm's (char, byte or byte-level bpe). Train to make one."
            ) from None
        self.vocab_size = len(pieces)
        self.pieces = pieces

    @classmethod
    def characters(cls, alphabet: Iterable[str]) -> "Tokenizer":
        """Makes a `char` tokenizer whose vocabulary is the alphabet's characters, in code point order."""
        vocabulary = dict.fromkeys((*SPECIALS, *sorted(set(alphabet))))
        model = {"type": "WordLevel", "vocab": _numbered(vocabulary), "unk_token": "<unk>"}
        return cls(_specification(_CHAR_LAYOUT, model))

    @classmethod
    def labels(cls, names: Iterable[str]) -> "Tokenizer":
        """Makes a `label` tokenizer, whose ids stand for whole texts, in their order.

        Raises:
            TokenizerError: a name is that of a special id.
        """
        ordered = list(dict.fromkeys(names))
        if clash := set(ordered) & set(SPECIALS):
            raise TokenizerError(f"A label may not be called {clash.pop()!r}. Rename it.")
        model = {"type": "WordLevel", "vocab": _numbered((*SPECIALS, *ordered)), "unk_token": "<unk>"}
        return cls(_specification(_LABEL_LAYOUT, model))

    @classmethod
    def bytes(cls) -> "Tokenizer":
        """Makes the `byte` tokenizer: UTF-8, id 4 + byte."""
        return cls(
            _specification(_BYTE_LAYOUT, _BPE_MODEL | {"vocab": _numbered((*SPECIALS, *_byte_letters())), "merges": []})
        )

    @classmethod
    def train_bpe(cls, texts: Iterator[str], vocab_size: int) -> "Tokenizer":
        """Trains byte-level BPE (Sennrich et al. 2016) with Hugging Face tokenizers.

        Args:
            texts: pieces of the training text.
            vocab_size: the size of the vocabulary, the four special ids included; a small text may give less.
        """
        from tokenizers import Tokenizer as HuggingFaceTokenizer
        from tokenizers import models, pre_tokenizers, trainers

        trained = HuggingFaceTokenizer(models.BPE())
        trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size - len(SPECIALS),
            initial_alphabet=list(_byte_letters()),
            special_tokens=[],
            show_progress=False,
        )
        trained.train_from_iterator(itertools.chain.from_iterable(map(_cut_long_runs, texts)), trainer)
        merges = json.loads(trained.to_str())["model"]["merges"]
        vocabulary = dict.fromkeys((*SPECIALS, *_byte_letters(), *(left + right for left, right in merges)))
        return cls(_specification(_BPE_LAYOUT, _BPE_MODEL | {"vocab": _numbered(vocabulary), "merges": merges}))

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Reads a `tokenizer.json`.

        Raises:
            TokenizerError: the file is not JSON, or not in one of charlm's layouts.
        """
        try:
            specification = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise TokenizerError(f"{path} is not JSON: {error}.") from None
        return cls(specification)

    def to_json(self) -> str:
        """Returns the content of a `tokenizer.json` that `tokenizers.Tokenizer.from_file` loads."""
        return json.dumps(self.specification, ensure_ascii=False, indent=1)

    def entries(self) -> list[str]:
        """Returns a `label` vocabulary's labels, in the order of their ids."""
        return [piece.decode() for piece in self.pieces[len(SPECIALS) :]]

    def encode(self, text: str, *, unknown: str = "error") -> Ids:
        """Encodes a text, without adding special ids.

        Args:
            text: any string; a lone surrogate counts as a character outside the vocabulary.
            unknown: what a character outside the vocabulary does: `error`, `skip` it, or `replace` it by `<unk>`.

        Returns:
            int32 ids, `(T,)`.

        Raises:
            ConfigError: there is no such `unknown`.
            UnknownCharacterError: with `unknown="error"`; it lists up to five such characters.
        """
        if unknown not in UNKNOWN:
            raise ConfigError(f"`unknown` must be one of {', '.join(UNKNOWN)}. Received: unknown={unknown!r}.")
        try:
            ids = self._encode(text)
        except UnicodeEncodeError:  # halves of surrogate pairs are no characters
            if unknown == "error":
                raise UnknownCharacterError(_unknown_message(_SURROGATE.findall(text))) from None
            return self.encode(_SURROGATE.sub("" if unknown == "skip" else "\ufffd", text), unknown=unknown)
        if unknown == "replace" or (known := ids != UNK).all():
            return ids
        if unknown == "skip":
            return ids[known]
        if self.kind == "label":
            raise UnknownCharacterError(f"{text!r} is no label of the model.")
        code_points = np.frombuffer(text.encode("utf-32-le"), np.uint32)[~known]
        raise UnknownCharacterError(_unknown_message(list(dict.fromkeys(map(chr, code_points.tolist())))))

    def _encode(self, text: str) -> Ids:
        if self.kind == "char":
            return self._ids_of_code_points[np.frombuffer(text.encode("utf-32-le"), np.uint32)]
        if self.kind == "byte":
            return np.frombuffer(text.encode(), np.uint8).astype(np.int32) + np.int32(len(SPECIALS))
        if self.kind == "label":
            return np.array([self.specification["model"]["vocab"].get(text, UNK)], np.int32)
        return np.array(self._hugging_face.encode(text.encode().decode()).ids, np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """Decodes ids; `<unk>` and broken UTF-8 become U+FFFD, the other special ids nothing.

        Args:
            ids: ids, `(T,)`.
        """
        ids = np.asarray(ids, np.int64).reshape(-1)
        if self.kind == "char":
            return self._code_points[ids[(ids == UNK) | (ids >= len(SPECIALS))]].tobytes().decode("utf-32-le")
        return b"".join([self.pieces[i] for i in ids.tolist()]).decode("utf-8", "replace")

    @functools.cached_property
    def characters_per_id(self) -> NDArray[np.int64]:
        """How many characters begin in each id's piece, `(V,)`; 0 for special ids, 1 for `<unk>` and for a label."""
        if self.kind == "label":
            return np.array([0, 1, 0, 0] + [1] * (self.vocab_size - len(SPECIALS)))
        return np.array([sum(byte & 0xC0 != 0x80 for byte in piece) for piece in self.pieces])

    @functools.cached_property
    def _ids_of_code_points(self) -> Ids:
        table = np.full(0x110000, UNK, np.int32)
        table[self._code_points[len(SPECIALS) :]] = np.arange(len(SPECIALS), self.vocab_size)
        return table

    @functools.cached_property
    def _code_points(self) -> NDArray[np.uint32]:
        return np.array([ord(piece.decode()) if piece else 0 for piece in self.pieces], np.uint32)

    @functools.cached_property
    def _hugging_face(self) -> Any:
        from tokenizers import Tokenizer as HuggingFaceTokenizer

        try:
            return HuggingFaceTokenizer.from_str(json.dumps(self.specification))
        except Exception as error:  # tokenizers raises nothing narrower
            raise TokenizerError(f"The tokenizer's merges do not fit its vocabulary: {error}.") from None


def _cut_long_runs(text: str) -> Iterator[str]:
    """Cuts a text within long runs with or without spaces; a trainer takes time by the square of a word's length."""
    begin = 0
    for run in _LONG_RUN.finditer(text):
        yield text[begin : run.end()]
        begin = run.end()
    yield text[begin:]


def _specification(layout: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], **layout, "model": model}


def _numbered(tokens: Iterable[str]) -> dict[str, int]:
    return {token: index for index, token in enumerate(tokens)}


def _read(specification: dict[str, Any]) -> tuple[str, list[bytes]]:
    """Returns a specification's kind and each id's UTF-8 piece, or raises for any other layout."""
    model = specification["model"]
    layout = {key: specification[key] for key in _CHAR_LAYOUT}
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    if [model["vocab"][token] for token in tokens] != list(range(len(tokens))) or tuple(tokens[:4]) != SPECIALS:
        raise ValueError("ids are not 0, 1, 2, … with the special ones first")
    if specification["added_tokens"] or specification["truncation"] or specification["padding"]:
        raise ValueError("nothing may be added to or cut from the ids")
    ordinary = tokens[len(SPECIALS) :]
    specials = [b"", "\ufffd".encode(), b"", b""]
    if model["type"] == "WordLevel" and layout == _CHAR_LAYOUT and all(len(token) == 1 for token in ordinary):
        return "char", specials + [token.encode() for token in ordinary]
    if model["type"] == "WordLevel" and layout == _LABEL_LAYOUT:
        return "label", specials + [token.encode() for token in ordinary]
    if {key: model[key] for key in _BPE_MODEL} != _BPE_MODEL:
        raise ValueError("another model")
    pieces = [bytes(map(_byte_letters().__getitem__, token)) for token in ordinary]
    if layout == _BYTE_LAYOUT and not model["merges"] and pieces == [bytes([byte]) for byte in range(256)]:
        return "byte", specials + pieces
    if layout == _BPE_LAYOUT and {bytes([byte]) for byte in range(256)} <= set(pieces):
        return "bpe", specials + pieces
    raise ValueError("another layout")


@functools.cache
def _byte_letters() -> dict[str, int]:
    """The visible letter that stands for each byte in byte-level BPE (Radford et al. 2019): letter → byte."""
    visible = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    hidden = iter(range(256, 512))
    return {chr(byte if byte in visible else next(hidden)): byte for byte in range(256)}


def _unknown_message(characters: list[str]) -> str:
    shown = ", ".join(f"{character!r} (U+{ord(character):04X})" for character in characters[:5])
    more = f" and {len(characters) - 5} more" if len(characters) > 5 else ""
    verb = "is" if len(characters) == 1 else "are"
    return (
        f"{shown}{more} {verb} not in the vocabulary. Skip or replace what is unknown (--unknown skip, "
        "unknown='skip'), or train with --tokenizer byte."
    )
