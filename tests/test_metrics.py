import pytest

from charlm import metrics
from charlm.errors import CharlmError


def test_figures_of_a_few_texts():
    figures = metrics.judge(["Le chat.", "Un chien"], ["The cat sat.", "A dog"], ["The cat sat.", "A dig"])
    assert figures["pairs"] == 2
    assert figures["exact_match"] == 0.5
    assert figures["character_error_rate"] == pytest.approx(1 / 17)
    assert 50 < figures["chrf"] < 100
    assert set(figures["signatures"]) == {"chrf", "bleu", "ter"}
    assert all("version:" in signature for signature in figures["signatures"].values())


def test_nothing_right():
    assert metrics.exact_match(["a"], ["b"]) == 0
    assert metrics.character_error_rate(["xyz"], ["a"]) == 3


@pytest.mark.parametrize(("package", "figure"), [("sacrebleu", "chrF"), ("rapidfuzz", "error rate")])
def test_a_missing_package_is_named(package, figure, monkeypatch):
    find_spec = metrics.importlib.util.find_spec
    monkeypatch.setattr(metrics.importlib.util, "find_spec", lambda name: None if name == package else find_spec(name))
    with pytest.raises(CharlmError, match=rf"{figure}.*pip install {package}"):
        metrics.judge(["a"], ["a"], ["b"])
