"""A trained translator, as a user meets it."""

import json
import logging
import subprocess
import sys

import numpy as np
import pytest
from conftest import read_log
from models import MODELS, engine_of, make
from PIL import Image

import charlm
from charlm.cli import main
from charlm.errors import BundleError, ConfigError, CorpusError
from charlm.plots import plot_alignment
from charlm.text_translator import TextTranslator
from charlm.tokenizer import Tokenizer


def test_training_logs_what_a_translator_can_do(translator):
    lines = read_log(translator.folder)
    assert [line["step"] for line in lines] == [30, 60]
    assert lines[1]["valid_nats_per_character"] < lines[0]["valid_nats_per_character"]
    assert {"exact_match", "chrf"} <= lines[0].keys()


def test_validation_is_the_price_of_the_held_out_pairs(translator, pairs):
    known = {source for source, _ in pairs[:240]}
    held_out = [pair for pair in pairs[240:] if pair[0] not in known]
    assert 0 < len(held_out) < 60
    from charlm.translation import price

    ids = [[translator.tokenizer.encode(text) for text in side] for side in zip(*held_out, strict=True)]
    nats = sum(row[:-1].sum() for row in price(translator.engine, *ids))
    expected = nats / sum(len(target) for _, target in held_out)
    assert min(line["valid_nats_per_character"] for line in translator.log) == pytest.approx(expected, rel=1e-5)


def test_translations_keep_their_order_and_do_not_depend_on_batches(translator, pairs):
    sources = [source for source, _ in pairs[:50]]
    one_by_one = [translator.translate(source) for source in sources]
    assert translator.translate(sources) == one_by_one
    assert translator.translate(sources, batch_size=7) == one_by_one
    drawn = translator.translate(sources, temperature=1.0, seed=3)
    assert translator.translate(sources, temperature=1.0, seed=3, batch_size=5) == drawn != one_by_one


def test_a_beam_has_scores(translator):
    (found,) = translator.translations(["abc"], beam=3)
    assert translator.translations("abc", beam=3) == [found]
    assert 1 <= len(found) <= 3
    assert all(one.score < 0 for one in found)


def test_odd_sources(translator, caplog):
    caplog.set_level(logging.INFO, "charlm")
    first, empty, long, unknown = translator.translate(["abc", "", "ab" * 5000, "aζb"])
    assert (empty, long) == ("", "")
    assert first == translator.translate("abc")
    assert "never seen 'ζ': read as <unk>" in caplog.text
    assert "A text of 10,000 ids is left untranslated, as the model reads at most 12" in caplog.text


def test_a_vector_of_more_than_the_model_has_read_is_warned_of(caplog):
    config = MODELS["autoencoder"]
    engine, letters = engine_of(make(config), config), Tokenizer.characters("abcdefg")
    translator = TextTranslator(engine, letters, letters, max_length=12)
    assert translator.embed(["a" * 12]).shape == translator.embed(["a" * 13]).shape
    assert caplog.messages == [
        "A text of 13 ids has a vector that may tell little of it, as the model reads at most 12: 'aaaaaaaaaaaaa…'. "
        "Cut it into sentences."
    ]


def test_where_there_is_nothing_to_translate(translator):
    assert translator.translate([]) == []
    assert translator.translate("") == translator.translate("ab" * 5000) == ""
    assert translator.align("").weights.shape == (1, 1)


def test_an_alignment_has_a_row_a_piece(translator):
    alignment = translator.align("abc", "CB")
    assert (alignment.source, alignment.target) == (["a", "b", "c", "∎"], ["C", "B", "∎"])
    assert alignment.weights.shape == (3, 4)
    assert np.allclose(alignment.weights.sum(axis=1), 1, atol=1e-5)


def test_options_that_contradict_each_other_are_refused(translator):
    with pytest.raises(ConfigError, match="A beam search draws nothing"):
        translator.translate("a", beam=2, temperature=0.5)
    with pytest.raises(ConfigError, match="At temperature 0 nothing is drawn. Received: top_k=2. Raise"):
        translator.translate("a", top_k=2, repetition_penalty=1.2)
    with pytest.raises(ConfigError, match="`beam` must be at least 1"):
        translator.translate("a", beam=0)


def test_what_a_bundle_cannot_do_names_the_task_that_could(translator, trained):
    with pytest.raises(ConfigError, match="task 'translate', which can translate and evaluate. .* --task language"):
        translator.sample("a")
    with pytest.raises(ConfigError, match="task 'language', which can sample, .* and novelty. .* --task translate"):
        trained.translate("a")
    with pytest.raises(ConfigError, match="makes no vector of a text. Train with --task autoencode"):
        translator.encode("a")


@pytest.mark.parametrize(("cell", "size"), [("gru", 16), ("lstm,gru", 48)])
def test_an_autoencoder_makes_a_vector_and_a_text_of_it(cell, size, text_file, tmp_path):
    run = charlm.train(text_file, tmp_path / "run", task="autoencode", cell=cell, units=16, steps=3, split="80/20")
    vector = run.encode("The café")
    assert vector.shape == (size,)
    assert run.decode(vector) == run.translate("The café")
    (tmp_path / "lines.txt").write_text("The café\n\nsea\n", encoding="utf-8")
    assert main(["embed", str(run.folder), str(tmp_path / "lines.txt"), "-o", str(tmp_path / "out.npy")]) == 0
    vectors = np.load(tmp_path / "out.npy")
    assert vectors.shape == (3, size)
    for text, found in zip(["The café", "", "sea"], vectors, strict=True):
        assert np.abs(found - run.encode(text)).max() < 1e-6
    with pytest.raises(ConfigError, match="no attention to show. Train with --task translate"):
        run.align("The café")


def test_separate_vocabularies_make_a_bundle_of_two_tokenizers(pairs_file, translation_settings, tmp_path):
    options = translation_settings | {"steps": 2, "evaluate_every": 2, "shared_vocabulary": False}
    run = charlm.train(pairs_file, tmp_path / "run", **options)
    assert run.source_tokenizer.vocab_size == run.tokenizer.vocab_size == 4 + 5
    assert set("".join(run.translate(["abc"], temperature=2.0))) <= set("ABCDÉ")
    (run.folder / "source_tokenizer.json").unlink()
    with pytest.raises(BundleError, match=r"source_tokenizer.json is not what was saved"):
        charlm.load(run.folder)


def test_translate_and_evaluate_on_the_command_line(translator, pairs_file, tmp_path, capsys):
    assert main(["translate", str(translator.folder), "abc", "b", "--json", "--beam", "2"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["source"] for record in records] == ["abc", "b"]
    assert records[0]["translations"][0]["text"] == translator.translate("abc", beam=2)
    picture = tmp_path / "alignment.png"
    assert main(["translate", str(translator.folder), "abc", "--show-attention", "--plot", str(picture)]) == 0
    assert "  abc∎" in capsys.readouterr().out
    assert picture.stat().st_size > 1000
    held_out = tmp_path / "held_out.tsv"
    held_out.write_bytes(pairs_file.read_bytes() + b"abc\tCBA\n")
    assert main(["evaluate", str(translator.folder), str(held_out), "--limit", "20", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert {"pairs", "exact_match", "character_error_rate", "chrf", "bleu", "ter"} <= figures.keys()
    assert figures["pairs"] == 20
    assert main(["evaluate", str(translator.folder), str(held_out), "--limit", "20"]) == 0
    assert "chrF" in capsys.readouterr().out


def test_lines_of_standard_input_keep_their_places(translator, pairs):
    sources = [source for source, _ in pairs] * 4
    sources[5], sources[7], sources[9] = "", "ab" * 5000, "ζ"
    command = [sys.executable, "-m", "charlm", "translate", str(translator.folder)]
    done = subprocess.run(command, input="\n".join(sources) + "\n", capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    lines = done.stdout.split("\n")[:-1]
    assert len(lines) == len(sources) == 1200
    assert lines[5] == lines[7] == ""
    for place in (0, 1, 600, 1199):
        assert lines[place] == translator.translate(sources[place])
    assert "A text of 10,000 ids is left untranslated" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_task_by_name_needs_no_more_than_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr("charlm.tasks.reverse.SIZES", {"train": 40, "validation": 10, "test": 10})
    options = {"units": 8, "steps": 2, "replicas": 1}
    run = charlm.train("reverse", tmp_path / "run", **options)
    assert (run.config.model.task, run.config.training.batch_size) == ("translate", 48)
    assert charlm.train("reverse", tmp_path / "run", resume=True).folder == run.folder
    assert main(["evaluate", str(run.folder), "reverse", "--json"]) == 0


def test_a_run_of_the_users_own_batches_is_resumed_without_saying_so_again(pairs_file, tmp_path):
    options = {"units": 8, "steps": 2, "split": "80/20", "replicas": 1}
    run = charlm.train(pairs_file, tmp_path / "run", task="translate", batch_size=16, **options)
    assert charlm.train(pairs_file, tmp_path / "run", resume=True).config == run.config


def test_a_model_that_reverses_looks_along_the_other_diagonal(tmp_path, monkeypatch):
    from charlm.tasks import reverse

    monkeypatch.setattr(reverse, "MAX_LENGTH", 10)
    monkeypatch.setattr(reverse, "SIZES", {"train": 20_000, "validation": 200, "test": 200})
    run = charlm.train("reverse", tmp_path / "run", units=64, steps=400, evaluate_every=200, learning_rate=6e-3)
    pairs = list(reverse.pairs("test"))
    assert run.evaluate(pairs)["exact_match"] > 0.9
    right = total = 0
    for source, target in pairs[:100]:
        looked = run.align(source, target).weights[:-1].argmax(axis=1)
        right += int((looked == np.arange(len(source))[::-1]).sum())
        total += len(source)
    assert right / total > 0.95

    plot_alignment(run.align("reversal"), tmp_path / "alignment.png")
    with Image.open(tmp_path / "alignment.png") as image:
        y, x = np.nonzero(np.asarray(image.convert("L")) < 64)
    assert np.corrcoef(x, y)[0, 1] < -0.4  # the dark squares; axes and letters lie on no diagonal


def test_what_a_decoder_does_not_have_is_refused(translator):
    with pytest.raises(ConfigError, match="There is no option 'beem'. Did you mean 'beam'"):
        translator.translate("ab", beem=3)
    with pytest.raises(ConfigError, match="A beam search draws nothing. Received: beam=3, top_k"):
        translator.translate("ab", beam=3, top_k=1)
    with pytest.raises(CorpusError, match="There are no pairs"):
        translator.evaluate([])
    with pytest.raises(ConfigError, match="Train with --task autoencode"):
        translator.encode("ab")


def test_an_alignment_names_characters_that_the_model_does_not_know(translator):
    alignment = translator.align("aé", "bé")
    assert (alignment.source, alignment.target) == (["a", "é", "∎"], ["b", "é", "∎"])


def test_a_plot_is_of_one_text(translator, tmp_path, capsys):
    assert main(["translate", str(translator.folder), "ab", "ba", "--plot", str(tmp_path / "a.png")]) == 2
    assert "--plot draws one text" in capsys.readouterr().err
    assert main(["translate", str(translator.folder), "ab", "--show-attention", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["attention"]["source"] == ["a", "b", "∎"]


def test_other_bytes_than_utf8_are_read_as_replacements(translator):
    command = [sys.executable, "-m", "charlm", "translate", str(translator.folder)]
    done = subprocess.run(command, input=b"ab\xe9\r\n\nab\rc\n", capture_output=True, check=True)
    assert done.stdout.count(b"\n") == 3
