import dataclasses
import types

import numpy as np
import pytest

from charlm.errors import CharlmError
from charlm.plots import _find_fonts, draw_alignment, plot_alignment
from charlm.text_translator import Alignment

ALIGNMENT = Alignment(["ça", " ", "∎"], ["д", "ж", "∎"], np.eye(3, dtype=np.float32)[::-1])


def test_an_alignment_is_drawn_with_its_pieces():
    assert draw_alignment(ALIGNMENT) == "  ç\n  a␣∎\nд   █\nж  █\n∎ █"


def test_wide_letters_take_two_columns():
    wide = Alignment(["日", "a"], ["b", "語", ""], np.array([[1, 0], [0, 1], [0, 0]], np.float32))
    assert draw_alignment(wide) == "   日a\n b ██\n語   █\n"


def test_marks_upon_letters_take_no_column():
    thai = Alignment(["ก\u0e31", "a"], ["b\ufe0f", "c"], np.eye(2, dtype=np.float32))
    assert draw_alignment(thai).split("\n")[-2:] == ["b\ufe0f █", "c  █"]


def test_an_alignment_becomes_a_picture(tmp_path):
    from PIL import Image

    darkness = []
    for weights in (ALIGNMENT.weights, np.zeros_like(ALIGNMENT.weights)):
        plot_alignment(dataclasses.replace(ALIGNMENT, weights=weights), tmp_path / "alignment.png")
        with Image.open(tmp_path / "alignment.png") as image:
            darkness.append(255 - np.asarray(image.convert("L"), float))
    assert min(darkness[0].shape) > 200
    assert darkness[0].mean() > 2 * darkness[1].mean()  # of the axes and letters alone


def test_both_axes_are_labelled(tmp_path, monkeypatch, caplog):
    from matplotlib.figure import Figure

    drawn = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *given, **how: (drawn.append(figure), save(figure, *given, **how))
    )
    plot_alignment(ALIGNMENT, tmp_path / "alignment.svg")
    (axes,) = drawn[0].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["ça", "␣", "∎"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["д", "ж", "∎"]
    assert not caplog.text


def test_fonts_are_found_for_what_the_first_one_lacks(monkeypatch, caplog):
    from matplotlib import font_manager

    shown = {"DejaVu Sans": "aж", "Last Resort": "aж漢ก日", "Kana": "日", "Han": "漢日", "Thai": "กa"}
    fonts = [types.SimpleNamespace(name=name, fname=name) for name in ("Last Resort", "Kana", "Han", "Thai")]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", fonts)
    monkeypatch.setattr(font_manager, "findfont", str)

    def get_font(file):
        return types.SimpleNamespace(get_charmap=lambda: dict.fromkeys(map(ord, shown[file])))

    monkeypatch.setattr(font_manager, "get_font", get_font)
    assert _find_fonts("DejaVu Sans", set("aж\n")) == ["DejaVu Sans"]
    assert _find_fonts("DejaVu Sans", set("a日")) == ["DejaVu Sans", "Kana"]
    assert _find_fonts("DejaVu Sans", set("漢日")) == ["DejaVu Sans", "Kana", "Han"]
    assert not caplog.text
    assert _find_fonts("DejaVu Sans", set("กm")) == ["DejaVu Sans", "Thai"]
    assert "No font of this machine shows m" in caplog.text


def test_an_unknown_kind_of_picture_is_refused(tmp_path):
    with pytest.raises(CharlmError, match=r"\.nope cannot be drawn: .*Name a file that ends in \.png"):
        plot_alignment(ALIGNMENT, tmp_path / "alignment.nope")
