import json

import numpy as np
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from charlm.errors import TokenizerError, UnknownCharacterError
from charlm.tokenizer import SPECIALS, Tokenizer

AWKWARD = "a\0b\r\n\te\u0301é👩‍👩‍👧 \U0001f600\U0010ffff <eos><pad>\u2028ﬁ"
SAMPLES = {
    "char": Tokenizer.characters(AWKWARD + "the quick brown fox"),
    "byte": Tokenizer.bytes(),
    "bpe": Tokenizer.train_bpe(iter([AWKWARD, "the quick brown fox <eos> <bos> " * 20]), 300),
}


@pytest.mark.parametrize("kind", ["byte", "bpe"])
@given(text=st.text())
def test_any_text_survives_where_the_vocabulary_covers_all(kind, text):
    tokenizer = SAMPLES[kind]
    ids = tokenizer.encode(text)
    assert ids.dtype == np.int32
    assert tokenizer.decode(ids) == text
    assert not np.isin(ids, range(4)).any()


@given(text=st.text())
def test_any_text_survives_a_char_tokenizer_of_its_own(text):
    tokenizer = Tokenizer.characters(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("kind", SAMPLES)
def test_awkward_text_survives(kind):
    assert SAMPLES[kind].decode(SAMPLES[kind].encode(AWKWARD)) == AWKWARD


@pytest.mark.parametrize("kind", SAMPLES)
@given(text=st.text() | st.text(alphabet=AWKWARD))
def test_hugging_face_loads_the_file_and_gives_the_same_ids(kind, text, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / f"{kind}.json"
    path.write_text(SAMPLES[kind].to_json(), encoding="utf-8")
    loaded = tokenizers.Tokenizer.from_file(str(path))
    assert loaded.encode(text).ids == SAMPLES[kind].encode(text, unknown="replace").tolist()
    assert [loaded.id_to_token(index) for index in range(4)] == list(SPECIALS)


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_tokenizer_file_reads_back(kind, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(SAMPLES[kind].to_json(), encoding="utf-8")
    loaded = Tokenizer.load(path)
    assert loaded.kind == kind
    assert loaded.pieces == SAMPLES[kind].pieces


@pytest.mark.parametrize("kind", SAMPLES)
def test_pieces_and_their_characters(kind):
    tokenizer = SAMPLES[kind]
    ids = tokenizer.encode(AWKWARD)
    assert b"".join(tokenizer.pieces[index] for index in ids).decode() == AWKWARD
    assert tokenizer.characters_per_id[ids].sum() == len(AWKWARD)
    assert tokenizer.characters_per_id[:4].tolist() == [0, 1, 0, 0]


def test_unknown_characters():
    tokenizer = Tokenizer.characters("abc")
    with pytest.raises(UnknownCharacterError) as raised:
        tokenizer.encode("aébïcèôüñé")
    assert str(raised.value) == (
        "'é' (U+00E9), 'ï' (U+00EF), 'è' (U+00E8), 'ô' (U+00F4), 'ü' (U+00FC) and 1 more are not in the vocabulary. "
        "Skip or replace what is unknown (--unknown skip, unknown='skip'), or train with --tokenizer byte."
    )
    assert tokenizer.decode(tokenizer.encode("aéb", unknown="skip")) == "ab"
    assert tokenizer.decode(tokenizer.encode("aéb", unknown="replace")) == "a\ufffdb"


@pytest.mark.parametrize("kind", SAMPLES)
def test_lone_surrogates_are_no_characters(kind):
    with pytest.raises(UnknownCharacterError, match=r"'\\udcff' \(U\+DCFF\) is not in the vocabulary"):
        SAMPLES[kind].encode("a\udcffb")
    assert SAMPLES[kind].decode(SAMPLES[kind].encode("a\udcffb", unknown="skip")) == "ab"
    assert SAMPLES[kind].decode(SAMPLES[kind].encode("a\udcffb", unknown="replace")) == "a\ufffdb"


@pytest.mark.parametrize("letter", [" ", "\n", "a"])
def test_a_long_run_is_not_one_word(letter):
    """Of which the trainer would make ever longer pieces, in time by the square of its length."""
    trained = Tokenizer.train_bpe(iter([letter * 50_000]), 300)
    assert max(map(len, trained.pieces)) <= 1000


def test_bpe_shortens_and_keeps_to_its_size():
    assert SAMPLES["bpe"].vocab_size <= 300
    assert len(SAMPLES["bpe"].encode("the quick brown fox")) < 10


def _changed(kind, change):
    specification = json.loads(SAMPLES[kind].to_json())
    change(specification)
    return specification


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.pop("model"),
        lambda s: s.update(normalizer={"type": "Lowercase"}),
        lambda s: s.update(added_tokens=[{"id": 3, "content": "<eos>"}]),
        lambda s: s["model"]["vocab"].update({"<pad>": 1, "<unk>": 0}),
        lambda s: s["model"]["vocab"].update({"zz": 99}),
        lambda s: s.update(model=None),
        lambda s: s["model"].update(type="Unigram"),
    ],
)
@pytest.mark.parametrize("kind", SAMPLES)
def test_other_layouts_are_refused(kind, change):
    with pytest.raises(TokenizerError, match="not one of charlm's"):
        Tokenizer(_changed(kind, change))
