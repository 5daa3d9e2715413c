import io
import sys

from charlm.cli import main, terminal
from charlm.progress import open_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_that_is_open_is_used_and_stays_open(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with open_bar("reading", unit="char", total=5) as outer:
        outer.delay = 0
        for _ in range(2):
            with open_bar(outer, unit="char", total=9) as inner:
                assert inner is outer
                inner.update(2)
        outer.refresh()
        assert outer.n == 4 and outer.total == 5
        assert "reading:  80%" in sys.stderr.getvalue()


def test_a_bar_counts_the_characters_of_all_samples(trained, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with open_bar("sampling", unit="char") as bar:
        texts = trained.sample("The ", n=3, length=20, progress=bar)
        assert bar.n == sum(map(len, texts)) - 3 * len("The ") > 0


def test_without_a_name_or_a_terminal_there_is_no_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with open_bar(None, unit="char") as bar:
        assert bar.disable
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with open_bar("reading", unit="char") as bar:
        assert bar.disable


def test_one_bar_counts_all_lines(translator, monkeypatch, capsys):
    bars = []

    def opened(*arguments, **options):
        bars.append(open_bar(*arguments, **options))
        return bars[-1]

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(terminal, "open_bar", opened)
    monkeypatch.setattr(terminal, "_LINES_AT_ONCE", 2)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfab\nc\nde\na\nb\n")))
    assert main(["translate", str(translator.folder)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 5
    (bar,) = bars
    assert bar.n == 5
    assert "ufeff" not in sys.stderr.getvalue()  # the mark before the first byte is no character


def test_lines_come_whole_whatever_the_blocks(monkeypatch):
    lines = ["é" * 5, "", "abc\rd", "end"]
    for size in (1, 3, 100):
        monkeypatch.setattr(terminal, "_BLOCK", size)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\r\n".join(lines).encode())))
        assert [line for some, _ in terminal.read_texts([], progress="reading") for line in some] == lines


def test_the_first_line_with_bytes_that_are_not_utf8_is_named(translator, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"ab\na\xff\n\xff\n")))
    assert main(["translate", str(translator.folder)]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert [line for line in err.splitlines() if "U+FFFD" in line] == [
        "Line 2 of standard input holds U+FFFD, which stands for bytes that are not UTF-8."
    ]
