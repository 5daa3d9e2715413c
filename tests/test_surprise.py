import json
import math
from html.parser import HTMLParser

import numpy as np
import pytest
from fakes import CountingEngine

import charlm
from charlm.cli import main
from charlm.errors import ConfigError
from charlm.plots import color_surprise, number_surprise, write_surprise
from charlm.runtime.language_model import LanguageEngine
from charlm.surprise import Line, Surprise, rank_lines, read
from charlm.tokenizer import Tokenizer

TOKENIZER = Tokenizer.characters("abcdefgh\n")


class Alphabet(CountingEngine, LanguageEngine):
    """Expects the next letter."""

    def __init__(self):
        CountingEngine.__init__(self, TOKENIZER.vocab_size, certainty=5.0)


def surprise_of(text, **options):
    return read(Alphabet(), TOKENIZER, [text], **options)


def test_what_is_unexpected_costs_more():
    found = surprise_of("abcgh", alternatives=2)
    assert found.pieces == list("abcgh")
    usual = math.log2(1 + (TOKENIZER.vocab_size - 1) * math.exp(-5))
    order = [ord(char) - ord("a") for char in "abcgh"]
    jumps = [after != before + 1 for before, after in zip([-2, *order], order, strict=False)]
    assert found.bits == pytest.approx([usual + 5 / math.log(2) * jump for jump in jumps], abs=1e-4)
    assert TOKENIZER.decode(found.expected[3, :1]) == "d"
    assert found.probabilities[3, 0] == pytest.approx(2**-usual, rel=1e-4)


def test_the_pieces_of_bytes_are_characters():
    class Even(CountingEngine, LanguageEngine):
        def __init__(self, vocab_size):
            CountingEngine.__init__(self, vocab_size, certainty=0.0)

    tokenizer = Tokenizer.bytes()
    found = read(Even(tokenizer.vocab_size), tokenizer, ["aé"])
    assert found.pieces == ["a", "", "é"]
    assert found.bits == pytest.approx([math.log2(tokenizer.vocab_size)] * 3)


def test_lines_are_ranked_by_their_surprise():
    lines = rank_lines(surprise_of("abcdef\nhgfedc\n\nabcd"))
    assert [(line.number, line.text) for line in lines] == [(2, "hgfedc"), (1, "abcdef"), (4, "abcd")]
    assert lines[0].bits_per_character > 7
    assert rank_lines(surprise_of("")) == []


def test_the_ends_of_lines_are_not_counted_whichever_they_are():
    bits = np.array([1.0, 100.0, 100.0, 3.0])
    found = Surprise(["a", "\r", "\n", "b"], bits, np.zeros((4, 0), np.int32), np.zeros((4, 0), np.float32))
    assert [(line.text, line.bits_per_character) for line in rank_lines(found)] == [("b", 3.0), ("a", 1.0)]


def test_pieces_may_hold_several_ends_of_lines():
    found = Surprise(["a", "\n\n  ", "b", "c"], np.array([2.0, 9.0, 3.0, 1.0]), np.zeros((4, 0)), np.zeros((4, 0)))
    assert rank_lines(found) == [Line(3, "  bc", 3.25), Line(1, "a", 2.0)]  # what indents a line is charged to it


def test_the_bits_of_all_bytes_of_a_character_are_shown(tmp_path):
    found = Surprise(["a", "", "é"], np.array([1.0, 5.0, 1.0]), np.zeros((3, 0), int), np.zeros((3, 0)))
    assert number_surprise(found) == "aé\n16"
    write_surprise(found, Tokenizer.bytes(), tmp_path / "page.html", title="bytes \udcff")
    assert "6.0 bits" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_figures_stand_under_what_is_wide_and_under_what_has_marks():
    found = Surprise(["日", "e\u0301", "\t"], np.array([1.0, 2.0, 3.0]), np.zeros((3, 0)), np.zeros((3, 0)))
    assert number_surprise(found) == "日e\u0301⇥\n1 23"


def test_colours_and_figures():
    found = surprise_of("ab\nca")
    assert number_surprise(found) == "ab↵\n707\nca\n77"  # of a letter, its follower alone is expected
    colored = color_surprise(found)
    assert colored.startswith("\x1b[48;5;")
    assert colored.count("\x1b[0m") == 3
    assert "\x1b[0mb" in colored  # in no colour


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.titles, self.text, self.addresses = [], "", []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.titles += [attributes["title"]] if tag == "span" else []
        self.addresses += [value for name, value in attributes.items() if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


def test_a_page_holds_the_text_and_what_was_expected(tmp_path):
    found = surprise_of("abce", alternatives=2)
    found.pieces[0] = "\u202ea"  # would turn round what follows
    write_surprise(found, TOKENIZER, tmp_path / "page.html", title="<b> & co")
    page = Page()
    page.feed((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert page.text.strip().endswith("\\u202eabce") and "<b> & co" in page.text
    assert len(page.titles) == 4 and page.titles[3].startswith("7.") and "d 9" in page.titles[3]
    assert not page.addresses  # nothing is fetched


def test_the_command_line_shows_lines_characters_and_a_page(trained, text_file, tmp_path, capsys):
    run = str(trained.folder)
    assert main(["score", run, str(text_file), "--per-line"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 60
    costs = [float(line.split()[0]) for line in lines]
    assert costs == sorted(costs, reverse=True)

    (tmp_path / "short.txt").write_text("The café.\n", encoding="utf-8")
    assert main(["score", run, str(text_file), str(tmp_path / "short.txt"), "--per-line"]) == 0
    named = [line for line in capsys.readouterr().out.splitlines() if line.endswith(".txt:")]
    assert named == [f"{text_file}:", f"{tmp_path / 'short.txt'}:"]
    page = tmp_path / "page.html"
    assert main(["score", run, str(tmp_path / "short.txt"), "--per-character", "--html", str(page)]) == 0
    text, figures, *_ = capsys.readouterr().out.splitlines()
    assert text == "The café.↵" and len(figures) == 10 and figures.isdigit()
    assert main(["score", run, str(text_file), str(tmp_path), "--html", str(page)]) == 2
    assert "Name one FILE" in capsys.readouterr().err
    (tmp_path / "empty.txt").write_text("")
    assert main(["score", run, str(tmp_path / "empty.txt"), "--per-line"]) == 1
    assert "is empty" in capsys.readouterr().err
    shown = Page()
    shown.feed(page.read_text(encoding="utf-8"))
    assert "The café." in shown.text
    assert main(["score", run, str(tmp_path / "short.txt"), "--per-character", "--json"]) == 0
    pieces = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "".join(piece["text"] for piece in pieces) == "The café.\n"
    bits = charlm.load(trained.folder).score("The café.\n").bits
    assert sum(piece["bits"] for piece in pieces) == pytest.approx(bits)


def test_documents_are_read_one_after_the_other_as_they_are_scored(trained):
    texts = ["The café.", "", "By the sea\nit"]
    found = trained.surprise(texts)
    assert "".join(found.pieces) == "The café.\n\nBy the sea\nit"
    assert found.bits.sum() == pytest.approx(trained.scores(texts)["forward"].bits)
    assert found.bits[len("The café.") :][:2].tolist() == [0, 0]
    assert sorted(line.number for line in rank_lines(found)) == [1, 3, 4]


def test_a_model_of_one_direction_reads_forwards_alone(trained):
    with pytest.raises(ConfigError, match="Train with --task bidirectional for this"):
        trained.surprise("The", reading="cloze")
    with pytest.raises(ConfigError, match="`reading` must be one of forward, backward, cloze"):
        trained.surprise("The", reading="sideways")
    assert np.isfinite(trained.surprise("The").bits).all()
