import numpy as np
import pytest
from fakes import CountingEngine, MemoryEngine

from charlm import generation
from charlm.generation import TextStream, generate, stream_texts
from charlm.sampling import Sampler
from charlm.tokenizer import BOS, EOS, Tokenizer


def ids_of(engine, prompt, **options):
    options = {"sampler": Sampler(), "length": 20} | options
    return np.stack(list(generate(engine, np.array(prompt, int), **options)), axis=1).tolist()


def test_it_continues_the_prompt():
    assert ids_of(CountingEngine(10), [4, 5, 6], length=6) == [[7, 8, 9, 4, 5, 6]]
    assert ids_of(CountingEngine(10), [], length=3) == [[4, 5, 6]]
    assert list(generate(CountingEngine(10), np.zeros(0, int), sampler=Sampler(), length=0)) == []


@pytest.mark.parametrize("chunk", [2, 512])
def test_it_has_read_all_of_the_prompt(chunk, monkeypatch):
    monkeypatch.setattr(generation, "_PROMPT_CHUNK", chunk)
    engine, rng = MemoryEngine(9), np.random.default_rng(0)
    for length in range(10):
        prompt = rng.integers(EOS + 1, 9, length)
        logits, _ = engine.unroll(np.array([[BOS, *prompt]]), engine.initial_state(1))
        likeliest = EOS + int(logits[0, -1, EOS:].argmax())
        assert ids_of(engine, prompt, length=1, sampler=Sampler(temperature=0)) == [[likeliest]]


def test_rows_that_have_ended_are_drawn_no_further():
    drawn = []

    def draw():
        rows = np.arange(3)
        for step in range(6):
            drawn.append(len(rows))
            goes_on = yield np.array([EOS if row == step else 4 + row for row in rows], np.int32)
            rows = rows if goes_on is None else rows[goes_on]

    texts = [""] * 3
    for row, piece in stream_texts(Tokenizer.characters("abc"), draw(), rows=3):
        texts[row] += piece
    assert texts == ["", "b", "cc"]
    assert drawn == [3, 2, 1]


def test_a_row_does_not_depend_on_its_mates():
    alone = ids_of(MemoryEngine(9), [5], seed=3)
    among = ids_of(MemoryEngine(9), [5], seed=3, rows=5)
    assert among[0] == alone[0]
    assert len({tuple(row) for row in among}) == 5
    assert ids_of(MemoryEngine(9), [5], seed=4) != alone


def test_rows_can_be_left_out_on_the_way():
    whole = np.array(ids_of(MemoryEngine(9), [5], seed=3, rows=4, sampler=Sampler(repetition_penalty=1.5), length=9))
    loop = generate(MemoryEngine(9), np.array([5]), sampler=Sampler(repetition_penalty=1.5), length=9, seed=3, rows=4)
    assert next(loop).tolist() == whole[:, 0].tolist()
    assert loop.send(np.array([True, False, True, True])).tolist() == whole[[0, 2, 3], 1].tolist()
    assert next(loop).tolist() == whole[[0, 2, 3], 2].tolist()
    assert loop.send(np.array([False, True, False])).tolist() == whole[[2], 3].tolist()
    assert [ids.tolist() for ids in loop] == whole[[2], 4:].T.tolist()


def test_temperature_zero_is_greedy_whatever_the_seed():
    rows = {tuple(ids_of(MemoryEngine(9), [5], seed=seed, sampler=Sampler(temperature=0))[0]) for seed in range(3)}
    assert len(rows) == 1


def test_special_ids_are_never_drawn():
    drawn = ids_of(MemoryEngine(9), [5], length=500, rows=4, sampler=Sampler(temperature=5.0))
    assert min(min(row) for row in drawn) == EOS


def test_the_penalty_counts_the_prompt_and_what_was_written():
    # Two logits above zero: 1.0 for the id after the last one, 0.4 for the id 9, always.
    engine = CountingEngine(10, certainty=1.0, second=(9, 0.4))
    strong = Sampler(temperature=0, repetition_penalty=10)
    assert ids_of(engine, [4], length=4, sampler=Sampler(temperature=0)) == [[5, 6, 7, 8]]
    assert ids_of(engine, [5, 6, 4], length=1, sampler=strong) == [[9]]  # 5 stands in the prompt
    assert ids_of(engine, [8], length=3, sampler=strong) == [[9, 4, 5]]
    assert ids_of(engine, [4, 6], length=3, sampler=strong) == [[7, 8, 9]]


def feed(stream, text):
    return [stream.feed(4 + byte) for byte in text.encode()]


def test_characters_come_whole():
    stream = TextStream(Tokenizer.bytes())
    assert feed(stream, "aé😀") == ["a", "", "é", "", "", "", "😀"]
    assert feed(stream, "é")[0] == ""
    assert TextStream(Tokenizer.bytes()).finish() == ""


def test_what_cannot_become_a_character_is_shown_as_replacement():
    stream = TextStream(Tokenizer.bytes())
    assert stream.feed(4 + 0xC3) == ""
    assert stream.finish() == "\ufffd"


def test_a_character_that_begins_with_a_stop_string_is_left_out_too():
    tokenizer = Tokenizer.train_bpe(iter(["a.“", "a.”", "a.‘", "a.’"] * 100), 300)
    (token,) = [token for token, piece in enumerate(tokenizer.pieces) if piece == b".\xe2\x80"]
    stream = TextStream(tokenizer, ["."])
    assert (stream.feed(token), stream.finish(), stream.is_done) == ("", "", True)


@pytest.mark.parametrize(
    "text, stop, expected",
    [
        ("one two END three", ["END"], "one two "),
        ("one EN two", ["END"], "one EN two"),
        ("ENEND", ["END"], "EN"),
        ("aab", ["ab", "b"], "a"),
        ("line\n\nnext", ["\n\n"], "line"),
        ("no stop", ["", "zzz"], "no stop"),
        ("déjà vu", ["à"], "déj"),
    ],
)
def test_stop_strings_end_the_text_and_are_left_out(text, stop, expected):
    stream = TextStream(Tokenizer.bytes(), stop)
    assert "".join(feed(stream, text)) + stream.finish() == expected


def test_eos_ends_the_text():
    stream = TextStream(Tokenizer.bytes(), ["xyz"])
    assert feed(stream, "ax") == ["a", ""]
    assert stream.feed(EOS) == "x"
    assert stream.is_done
    assert stream.feed(4 + 65) == stream.finish() == ""
