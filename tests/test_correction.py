import dataclasses
import io
import json

import numpy as np
import pytest
from fakes import CountingEngine
from test_filling import Down

from charlm.cli import main
from charlm.correction import Correcting, apply, correct
from charlm.errors import ConfigError
from charlm.runtime.bidirectional import BidirectionalEngine
from charlm.runtime.language_model import LanguageEngine
from charlm.tokenizer import Tokenizer

TOKENIZER = Tokenizer.characters("abcdefghijklmnop")


class Forward(CountingEngine, LanguageEngine):
    units = 1

    def __init__(self, certainty=8.0):
        CountingEngine.__init__(self, TOKENIZER.vocab_size, certainty=certainty)

    def read(self, ids, state):
        """Its output is the last id."""
        return ids[:, :, None].astype(np.float32), state


class Backward(Down, Forward):
    pass


class Alphabet(BidirectionalEngine):
    """Knows the alphabet in both directions."""

    def __init__(self):
        self.vocab_size, self.forward, self.backward = TOKENIZER.vocab_size, Forward(), Backward()

    def cloze(self, ahead, back):
        left, right = (side[..., 0].astype(np.int32) for side in (ahead, back))
        state = self.forward.initial_state(len(left))
        return self.forward.step(left, state)[0] + self.backward.step(right, state)[0]


@pytest.mark.parametrize("engine", [Forward(), Alphabet()], ids=["forward", "both"])
@pytest.mark.parametrize(
    ("text", "kind", "found", "suggestion"),
    [
        ("abcdxfghijklm", "substituted", "x", "e"),
        ("abcdfghijklm", "missing", "", "e"),
        ("abcdeefghijklm", "superfluous", "e", ""),
        ("abcdfeghijklm", "swapped", "fe", "ef"),
    ],
)
def test_each_kind_of_error_is_found(engine, text, kind, found, suggestion):
    text = text.replace("x", "p")
    (one,) = correct(engine, TOKENIZER, text, Correcting())
    assert one.kind == kind and one.suggestion == suggestion and one.found == found.replace("x", "p")
    assert apply(text, [one]) == "abcdefghijklm"
    assert one.odds > 1e3
    assert (one.line, one.column) == (1, one.start + 1)
    assert correct(engine, TOKENIZER, text, Correcting(odds=1e12)) == []


@pytest.mark.parametrize(("text", "nats", "ways"), [("abcdpfghijklm", 16, 16), ("abcdfghijklm", 8, 1)])
def test_odds_count_the_ways_in_which_an_error_comes_about(text, nats, ways):
    """An id that is not the next one costs 8 nats; a wrong one surprises twice, and is one of sixteen."""
    (one,) = correct(Forward(), TOKENIZER, text, Correcting())
    assert one.odds == pytest.approx(np.exp(nats) / ways, rel=0.05)


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_what_is_missing_is_found_where_one_direction_alone_is_surprised(direction):
    engine = Alphabet()
    getattr(engine, direction).__init__(certainty=0.0)
    (one,) = correct(engine, TOKENIZER, "abcdfghijklm", Correcting(odds=2.0))
    assert (one.start, one.kind, one.suggestion) == (4, "missing", "e")


def test_a_cloze_counts_where_one_id_stands_in_the_place_of_another():
    engine = Alphabet()
    engine.cloze = Alphabet().cloze  # sure, where each direction alone is not
    engine.forward, engine.backward = Forward(0.0), Backward(0.0)
    (one,) = correct(engine, TOKENIZER, "abcdpfghijklm", Correcting(odds=2.0))
    assert (one.start, one.kind, one.suggestion) == (4, "substituted", "e")


def test_several_errors_and_none():
    text = "abcdefgpijklmnop"  # h, and nothing else
    assert [one.suggestion for one in correct(Alphabet(), TOKENIZER, text, Correcting())] == ["h"]
    text = "abpdefghijklmpop"
    corrections = correct(Alphabet(), TOKENIZER, text, Correcting())
    assert [(one.start, one.suggestion) for one in corrections] == [(2, "c"), (13, "n")]
    assert apply(text, corrections) == "abcdefghijklmnop"
    assert correct(Alphabet(), TOKENIZER, "abcdefghij", Correcting()) == []
    assert correct(Alphabet(), TOKENIZER, "", Correcting()) == []


def test_what_was_never_seen_is_not_moved():
    for text in ("abcéd", "abéc", "éa"):
        found = correct(Alphabet(), TOKENIZER, text, Correcting(odds=1.0))
        assert "é" in apply(text, found) and "\ufffd" not in apply(text, found)


def test_other_tokenizers_are_refused():
    with pytest.raises(ConfigError, match="Train with --tokenizer char. Received: byte"):
        correct(Alphabet(), Tokenizer.bytes(), "abc", Correcting())


def test_what_follows_is_weighed_as_far_as_it_is_said(trained):
    text = "The café by the sea serves frésh bread"
    near, far, whole, beyond = (
        [one.odds for one in trained.correct(text, odds=1, lookahead=n)] for n in (1, 4, 99, 128)
    )
    assert near != far and far != whole and whole == beyond


def test_the_command_line_lists_and_writes(trained, tmp_path, capsys):
    path = tmp_path / "text.txt"
    path.write_bytes("The café by the sea\r\nserves frQsh bread;\n".encode().replace(b"Q", "é".encode()))
    before = path.read_bytes()
    assert main(["correct", str(trained.folder), str(path), "--odds", "1", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found and all(one["line"] in (1, 2) and one["odds"] >= 1 for one in found)
    assert path.read_bytes() == before
    assert main(["correct", str(trained.folder), str(path), "--odds", "1e300", "--write"]) == 0
    assert path.read_bytes() == before
    assert main(["correct", str(trained.folder), str(path), "--odds", "1", "--write"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(found)
    assert (
        path.read_bytes().decode()
        == apply(before.decode(), trained.correct(before.decode(), odds=1))
        != before.decode()
    )
    assert main(["correct", str(trained.folder), str(tmp_path / "none.txt")]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_a_mark_before_the_text_is_no_character_and_stays(trained, tmp_path, capsys):
    path = tmp_path / "text.txt"
    found = []
    for mark in ("", "\ufeff"):
        path.write_text(mark + "The café by the sea serves frésh bread;\n", encoding="utf-8")
        assert main(["correct", str(trained.folder), str(path), "--odds", "1", "--write"]) == 0
        found.append((capsys.readouterr().out, path.read_text(encoding="utf-8").removeprefix(mark)))
        assert path.read_text(encoding="utf-8").startswith(mark)
    assert found[0] == found[1] and found[0][0]


def test_standard_input_is_corrected_but_not_written(trained, monkeypatch, capsys):
    text = "The café by the sea\r\nserves frésh bread;\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["correct", str(trained.folder), "-", "--odds", "1", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found == [dataclasses.asdict(one) for one in trained.correct(text, odds=1)] != []
    assert main(["correct", str(trained.folder), "-", "--write"]) == 2
    assert "Name it in the place of -" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", None)
    assert main(["correct", str(trained.folder), "-"]) == 1
    assert "There is no standard input to read" in capsys.readouterr().err


@pytest.mark.parametrize("engine", [Forward(), Alphabet()], ids=["forward", "both"])
@pytest.mark.parametrize("text", ["a", "ap", "app"])
def test_nothing_after_the_last_character_tells_that_it_is_superfluous(engine, text):
    found = correct(engine, TOKENIZER, text, Correcting(odds=1))
    assert not [one for one in found if one.kind == "superfluous" and one.start == len(text) - 1]


@pytest.mark.parametrize("text", ["p", "pa", "pab"])
def test_nothing_before_the_first_character_tells_one_that_reads_backwards_that_it_is_superfluous(text):
    found = correct(Alphabet(), TOKENIZER, text, Correcting(odds=1))
    assert not [one for one in found if one.kind == "superfluous" and one.start == 0]


def test_few_texts_are_compared_at_once_where_there_are_many_characters(monkeypatch):
    text = "abcdeefghijklm" * 20
    found = correct(Alphabet(), TOKENIZER, text, Correcting())
    monkeypatch.setattr("charlm.scoring._VALUES", 2000)  # one
    assert correct(Alphabet(), TOKENIZER, text, Correcting()) == found
