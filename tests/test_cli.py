"""The command line, as a process where that matters: exit codes, streams, and what is imported."""

import io
import json
import os
import pty
import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import charlm
from charlm.cli import COMMANDS, main

CHARLM = [sys.executable, "-m", "charlm"]
NAMESPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
TRAINING = "--units 8 --batch-size 4 --sequence-length 16 --steps 4 --split 80/20".split()


def run(*arguments, **options):
    return subprocess.run([*CHARLM, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)


def fails(capsys, code, message, *arguments):
    """Asserts that a command ends in one line and the exit code."""
    try:
        result = main([str(argument) for argument in arguments])
    except SystemExit as exit:
        result = exit.code
    captured = capsys.readouterr()
    assert result == code, captured.err
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1, captured.err
    assert "Traceback" not in captured.err


def test_train_sample_score_info(text_file, text, tmp_path, capsys):
    folder = tmp_path / "run"
    assert main(["train", str(text_file), *TRAINING, "-o", str(folder)]) == 0
    assert "bits per character" in capsys.readouterr().out
    assert main(["sample", str(folder), "--prompt", "The ", "--length", "20"]) == 0
    assert capsys.readouterr().out.startswith("The ")
    assert main(["sample", str(folder), "--n", "2", "--json", "--seed", "3"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["index"] for record in records] == [0, 1]
    held_out = tmp_path / "held-out.txt"
    held_out.write_text(text[len(text) * 80 // 100 :], encoding="utf-8")
    assert main(["score", str(folder), str(held_out), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert list(record) == [
        "file",
        "characters",
        "bytes",
        "bits",
        "bits_per_character",
        "bits_per_byte",
        "nats_per_character",
    ]
    best = min(line["valid_nats_per_character"] for line in charlm.load(folder).log)
    assert record["nats_per_character"] == pytest.approx(best, abs=1e-6)
    assert main(["score", str(folder), str(held_out)]) == 0
    assert "nats per character" in capsys.readouterr().out
    assert main(["info", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["units"] == 8
    assert main(["info", str(folder)]) == 0
    assert "cells" in capsys.readouterr().out


def test_training_prints_nothing_of_tensorflow(text_file, tmp_path):
    result = run("train", text_file, *TRAINING, "-o", tmp_path / "run")
    assert result.returncode == 0
    assert result.stdout.count("\n") == 1
    for line in result.stderr.splitlines():
        assert line.startswith(("step ", "  | ")) or "weights; " in line, line


def test_sample_imports_no_tensorflow(trained):
    program = (
        "import sys; from charlm.cli import main\n"
        f"assert main(['sample', {str(trained.folder)!r}, '--length', '5']) == 0\n"
        "assert not {'tensorflow', 'keras', 'tokenizers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "arguments", [["--help"], *([command, "--help"] for command in COMMANDS)], ids=lambda a: " ".join(a)
)
def test_help_answers_without_tensorflow(arguments):
    program = (
        "import sys; from charlm.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
        f"assert {len(arguments) > 1} or 'numpy' not in sys.modules\n"
    )
    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "usage: charlm" in result.stdout


def test_version_and_corpus_list(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert main(["corpus", "list"]) == 0
    assert main(["corpus", "list", "--json"]) == 0
    assert main(["corpus", "fetch", "markov"]) == 0
    out = capsys.readouterr().out
    assert charlm.__version__ in out
    assert "tiny-shakespeare" in out
    assert "nothing to fetch" in out


def test_wrong_usage(text_file, trained, tmp_path, capsys):
    new = tmp_path / "run"
    fails(capsys, 2, "does not know --unit. Did you mean --units?", "train", text_file, "--unit", "3")
    fails(capsys, 2, "required: COMMAND")
    fails(capsys, 2, "invalid choice: 'tran'", "tran")
    fails(capsys, 2, "`units` must be at least 1. Received: units=0.", "train", text_file, "--units", "0", "-o", new)
    fails(capsys, 2, "invalid int value: 'x'", "train", text_file, "--units", "x", "-o", new)
    fails(capsys, 2, "one budget", "train", text_file, "--steps", "1", "--minutes", "1", "-o", new)
    fails(capsys, 2, "`temperature` must be at least 0", "sample", trained.folder, "--temperature", "-1")
    fails(capsys, 2, "There is no corpus 'markof'. Did you mean 'markov'?", "corpus", "fetch", "markof")
    fails(capsys, 2, "is not TOML", "train", text_file, "--config", text_file)
    assert not new.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the machine has no device that is full")
def test_a_full_disk_under_the_output_ends_in_one_line(trained):
    command = [sys.executable, "-m", "charlm", "sample", str(trained.folder), "--length", "20"]
    with open("/dev/full", "w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1 and "No space left on device" in result.stderr


def test_options_may_stand_anywhere(translator, trained, capsys):
    folder = str(translator.folder)
    assert main(["translate", folder, "abc", "de", "--beam", "2"]) == 0
    after = capsys.readouterr().out
    for arguments in (["--beam", "2", folder, "abc", "de"], [folder, "--beam", "2", "abc", "de"]):
        assert main(["translate", *arguments]) == 0
        assert capsys.readouterr().out == after
    assert main(["inspect", str(trained.folder), "--unit", "1", "The"]) == 0
    assert "unit 1" in capsys.readouterr().out
    fails(capsys, 2, "does not know --baem. Did you mean --beam?", "translate", folder, "--baem", "2", "abc")
    fails(capsys, 2, "does not know two", "sample", trained.folder, "two")
    fails(capsys, 2, "--seed belongs to `charlm sample`. Put it after that", "--seed=3", "sample", trained.folder)
    fails(
        capsys,
        2,
        "--find looks at all units. Leave out --layer",
        "inspect",
        trained.folder,
        "a b",
        "--find",
        "newline",
        "--layer",
        "1",
    )
    fails(capsys, 2, "Name the --unit too. Received: --part", "inspect", trained.folder, "a b", "--part", "forget")


def test_a_task_that_cannot_serve_a_verb_is_told_first(trained, translator, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", None)
    (tmp_path / "heat.csv").write_text("heat\n1\n2\n")
    fails(capsys, 2, "Train with --task forecast for this", "forecast", trained.folder, tmp_path / "heat.csv")
    wanted = "Train with --task translate or autoencode or classify or forecast for this"
    fails(capsys, 2, wanted, "evaluate", trained.folder, tmp_path / "heat.csv")
    wanted = "Train with --task bidirectional or autoencode for this"
    fails(capsys, 2, wanted, "embed", trained.folder, "-", "-o", tmp_path / "v.npy")
    fails(capsys, 2, "Train with --task translate or autoencode for this", "translate", trained.folder)
    for arguments in (("score", "-"), ("inspect", "--file", "-"), ("correct", "none.txt")):
        fails(capsys, 2, "Train with --task language or bidirectional", arguments[0], translator.folder, *arguments[1:])


def test_documents_are_read_one_by_one(text, tmp_path, capsys):
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"body": line}) + "\n" for line in text.splitlines()))
    folder = tmp_path / "run"
    assert main(["train", str(texts), "--field", "body", *TRAINING, "-o", str(folder)]) == 0
    capsys.readouterr()
    assert main(["score", str(folder), str(texts), "--per-line"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 60
    (tmp_path / "plain.txt").write_text(text)
    fails(capsys, 1, "not JSON", "score", folder, tmp_path / "plain.txt")
    assert main(["score", str(folder), str(tmp_path / "plain.txt"), "--field", ""]) == 0


def test_an_error_that_nobody_reads_keeps_its_code(monkeypatch, tmp_path):
    class Broken(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Broken())
    assert main(["info", str(tmp_path)]) == 1


def test_texts_that_cannot_be_trained_on(tmp_path, capsys):
    def file(name, data):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    options = ["-o", tmp_path / "run"]
    (tmp_path / "folder").mkdir()
    fails(capsys, 1, "no file, folder or corpus", "train", tmp_path / "missing.txt", *options)
    fails(capsys, 1, "holds no characters", "train", file("empty.txt", b""), *options)
    fails(capsys, 1, "holds no text files", "train", tmp_path / "folder", *options)
    fails(capsys, 1, "Lower batch_size to", "train", file("short.txt", b"ab" * 50), *options)
    fails(capsys, 1, "byte 0xff at offset 2 (line 1)", "train", file("invalid.txt", b"ab\xff" * 50), *options)
    fails(capsys, 1, "is UTF-16", "train", file("utf16.txt", "ab".encode("utf-16")), *options)
    assert not (tmp_path / "run").exists()


def test_prompts_and_bundles_that_cannot_be_used(copied, capsys):
    fails(capsys, 1, "'Ω' (U+03A9) is not in the vocabulary", "sample", copied, "--prompt", "Ω")
    fails(capsys, 1, "'\\udcff' (U+DCFF) is not in the vocabulary", "sample", copied, "--prompt", "\udcff")
    fails(capsys, 1, "no file, folder or corpus", "score", copied, "missing.txt")
    (copied / "empty.txt").write_text("")
    fails(capsys, 1, "is empty", "score", copied, copied / "empty.txt")
    fails(capsys, 1, "is empty", "inspect", copied, "")
    data = (copied / "model.safetensors").read_bytes()
    (copied / "model.safetensors").write_bytes(data[:-4] + b"\0\1\2\3")
    fails(capsys, 1, "is not what was saved", "sample", copied)
    (copied / "model.safetensors").write_bytes(data[:-4])
    fails(capsys, 1, "cut short or altered", "sample", copied)
    fails(capsys, 1, "is not a bundle: there is no such folder", "info", copied / "nowhere")
    fails(capsys, 1, "is not a bundle: it is a file", "info", copied / "config.json")


def test_existing_runs_and_changed_corpora(text_file, copied, trained, tmp_path, capsys):
    fails(capsys, 1, "exists already. Pass --resume", "train", text_file, "-o", trained.folder)
    folder = tmp_path / "run"
    shutil.copytree(trained.folder, folder)
    shutil.rmtree(folder / "checkpoints" / "step-000000060")
    (tmp_path / "other.txt").write_text("another text\n" * 500)
    fails(capsys, 1, "The corpus has changed", "train", tmp_path / "other.txt", "-o", folder, "--resume")
    fails(capsys, 1, "was begun with units=16", "train", text_file, "-o", folder, "--resume", "--units", "8")


def test_debug_shows_the_traceback(tmp_path):
    result = run("train", tmp_path / "missing.txt", "--debug")
    assert result.returncode == 1
    assert "Traceback" in result.stderr


def test_a_toml_file_gives_way_to_flags_and_a_preset_to_the_file(text_file, tmp_path):
    (tmp_path / "settings.toml").write_text('preset = "tiny"\nbatch_size = 4\nlayers = 2\nunits = 6\n')
    arguments = [
        "--config",
        str(tmp_path / "settings.toml"),
        "--units",
        "5",
        "--steps",
        "1",
        "-o",
        str(tmp_path / "run"),
    ]
    assert main(["train", str(text_file), *arguments]) == 0
    settings = charlm.load(tmp_path / "run").config.settings()
    assert {name: settings[name] for name in ("units", "layers", "batch_size", "sequence_length")} == {
        "units": 5, "layers": 2, "batch_size": 4, "sequence_length": 64,
    }  # fmt: skip


def test_a_preset_and_a_budget_on_the_line_win_over_the_file(text_file, tmp_path):
    (tmp_path / "settings.toml").write_text('preset = "large"\nminutes = 50\n')
    arguments = ["--config", str(tmp_path / "settings.toml"), "--preset", "tiny", "--steps", "1", "--batch-size", "4"]
    assert main(["train", str(text_file), *arguments, "-o", str(tmp_path / "run")]) == 0
    config = charlm.load(tmp_path / "run").config
    assert (config.model.units, config.training.minutes, config.training.steps) == (64, None, 1)


def test_a_finished_run_without_its_log(trained, text_file, tmp_path, capsys):
    shutil.copytree(trained.folder, tmp_path / "run")
    (tmp_path / "run" / "log.jsonl").unlink()
    assert main(["train", str(text_file), "-o", str(tmp_path / "run"), "--resume"]) == 0
    assert "after step 60" in capsys.readouterr().out


def test_texts_are_scored_as_the_training_text_was_read(text, tmp_path, capsys):
    lines = [json.dumps({"body": part.replace("\n", "\r\n")}) for part in (text[:3000], text[3000:])]
    (tmp_path / "all.jsonl").write_text("\n".join(lines))
    (tmp_path / "tail.jsonl").write_text(lines[1])
    reading = ["--field", "body", "--normalize-newlines"]
    options = [*TRAINING[:-2], "--split", "50/50", "--split-by", "documents", *reading]
    assert main(["train", str(tmp_path / "all.jsonl"), *options, "-o", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    assert main(["score", str(tmp_path / "run"), str(tmp_path / "tail.jsonl"), "--json"]) == 0
    nats = json.loads(capsys.readouterr().out)["nats_per_character"]
    best = min(line["valid_nats_per_character"] for line in charlm.load(tmp_path / "run").log)
    assert nats == pytest.approx(best, abs=1e-6)
    assert main(["score", str(tmp_path / "run"), "markov", "--no-normalize-newlines"]) == 0


def test_standard_input_is_a_corpus_and_a_text_to_score(text, trained, tmp_path, monkeypatch, capsys):
    def standard_input(content):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))

    standard_input(text)
    assert main(["train", "-", *TRAINING, "-o", str(tmp_path / "run")]) == 0
    standard_input("The cat")
    capsys.readouterr()
    assert main(["score", str(trained.folder), "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["characters"] == 7


def test_closed_outputs_are_no_error(trained):
    script = f"exec {sys.executable} -m charlm sample {trained.folder} --length 5 >&- 2>&-"
    assert subprocess.run(script, shell=True).returncode == 0
    script = f"exec {sys.executable} -m charlm sample nowhere 2>&-"
    done = subprocess.run(script, shell=True, stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (1, b"")


def test_a_cache_that_cannot_be_written_to_names_the_remedy(text_file, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CHARLM_CACHE", str(tmp_path / "file" / "cache"))
    fails(capsys, 1, "set CHARLM_CACHE to a folder", "train", text_file, "--steps", "1", "-o", tmp_path / "run")


def test_each_line_is_answered_when_it_arrives(translator):
    command = [*CHARLM, "translate", str(translator.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        for source in ("ab", "dc"):
            process.stdin.write(source + "\n")
            assert process.stdout.readline().rstrip("\n") == translator.translate(source)
        watchdog.cancel()


def test_a_closed_standard_input_is_told_in_a_line(translator, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", None)
    assert main(["translate", str(translator.folder)]) == 1
    assert "Standard input is closed. Give texts as STRING." in capsys.readouterr().err


def test_ctrl_c_saves_and_exits_130(text_file, tmp_path):
    folder = tmp_path / "run"
    options = [*TRAINING[:-4], "--split", "80/20", "--steps", "100000", "--evaluate-every", "5", "-o", str(folder)]
    with subprocess.Popen([*CHARLM, "train", str(text_file), *options], stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("step 5 "):
                process.send_signal(2)
                break
        try:
            _, rest = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode == 130
    assert "Saving after this step" in rest
    assert "charlm: interrupted after step " in rest
    assert rest.endswith(", and saved; --resume goes on\n")
    assert list((folder / "checkpoints").glob("step-*"))
    assert charlm.load(folder).sample(length=3) is not None


def _can_mount():
    probe = [*NAMESPACE, "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return shutil.which("unshare") is not None and subprocess.run(probe, capture_output=True).returncode == 0


@pytest.mark.skipif(not _can_mount(), reason="a small disk wants a mount namespace")
@pytest.mark.parametrize("size", ["64k", "1200k"])
def test_a_full_disk_ends_in_one_line_and_leaves_the_last_good_state(text_file, tmp_path, size):
    """The run lies on a tmpfs in a mount namespace of its own: 64k hold no checkpoint, 1,200k a few."""
    folder = tmp_path / "small"
    folder.mkdir()
    sizes = "--units 64 --batch-size 4 --sequence-length 16 --steps 50 --evaluate-every 5 --split 80/20".split()
    train = shlex.join([*CHARLM, "train", str(text_file), *sizes, "-o", str(folder / "run")])
    small, kept = shlex.quote(str(folder)), shlex.quote(str(tmp_path / "kept"))
    script = f"mount -t tmpfs -o size={size} tmpfs {small} && {train} >&2; code=$?; cp -r {small}/. {kept}; exit $code"
    result = subprocess.run([*NAMESPACE, "sh", "-c", script], capture_output=True, text=True, timeout=120)
    errors = [line for line in result.stderr.splitlines() if line.startswith("charlm: ")]
    assert result.returncode == 1, result.stderr
    assert len(errors) == 1
    assert "No space left on device" in errors[0]
    assert "--resume" in errors[0]
    assert "Traceback" not in result.stderr
    for leftover in (tmp_path / "kept").rglob("*.tmp"):
        pytest.fail(f"{leftover} was left behind")
    if size == "1200k":
        assert charlm.load(tmp_path / "kept" / "run").sample(length=5) is not None


def test_a_closed_pipe_is_no_error(trained):
    command = (
        f"{shlex.join([*CHARLM, 'sample', str(trained.folder)])} --n 200 --length 1000 | head -c 5"  # no pipe holds it
    )
    result = subprocess.run(["sh", "-c", command], capture_output=True, timeout=120)
    assert len(result.stdout) == 5
    assert result.stderr == b""


def test_an_output_that_was_closed_before_is_no_error(trained):
    command = f"{shlex.join([*CHARLM, 'sample', str(trained.folder)])} >&-"
    result = subprocess.run(["sh", "-c", command], capture_output=True, timeout=120)
    assert (result.returncode, result.stderr) == (0, b"")


def test_an_empty_file_among_others_is_left_out(trained, tmp_path, capsys):
    for name, content in (("a", ""), ("b", "The cat"), ("c", "")):
        (tmp_path / name).write_text(content)
    assert main(["score", str(trained.folder), str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert [line.partition(":")[0] for line in captured.out.splitlines()] == [str(tmp_path / "b")]
    assert f"Left out, as they are empty: {tmp_path / 'a'}, {tmp_path / 'c'}." in captured.err


def test_what_would_have_no_effect_is_refused(trained, translator, text_file, capsys):
    fails(capsys, 2, "--reading is for", "score", trained.folder, text_file, "--reading", "cloze")
    fails(capsys, 2, "--season is for a series", "evaluate", translator.folder, "dates", "--season", "5")
    fails(capsys, 2, "`length_penalty` ranks a beam", "translate", translator.folder, "a", "--length-penalty", "1")
    fails(capsys, 2, "must be at most 10", "translate", translator.folder, "a", "--length-penalty", "1000")
    fails(capsys, 2, "Received: top_k=2. Raise temperature", "translate", translator.folder, "a", "--top-k", "2")


def test_translations_are_drawn_with_the_samplers_controls(translator, capsys):
    assert main(["translate", str(translator.folder), "abc"]) == 0
    greedy = capsys.readouterr().out
    for seed in "012":
        drawn = ["--temperature", "5", "--seed", seed]
        assert main(["translate", str(translator.folder), "abc", *drawn, "--top-k", "1"]) == 0
        assert capsys.readouterr().out == greedy
        assert main(["translate", str(translator.folder), "abc", *drawn]) == 0
        assert capsys.readouterr().out != greedy


@pytest.mark.parametrize(("no_color", "has_colors"), [(None, True), ("", True), ("1", False)])
def test_colours_are_for_a_terminal_whose_user_wants_them(trained, tmp_path, no_color, has_colors):
    (tmp_path / "text.txt").write_text("The cat")
    without = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment = without | ({} if no_color is None else {"NO_COLOR": no_color})
    for command in (
        ["score", str(trained.folder), "text.txt", "--per-character"],
        ["inspect", str(trained.folder), "The", "--unit", "1"],
    ):
        ours, theirs = pty.openpty()
        subprocess.run([*CHARLM, *command], stdout=theirs, check=True, env=environment, cwd=tmp_path, timeout=120)
        assert ("\x1b[" in os.read(ours, 5000).decode()) == has_colors
        os.close(ours), os.close(theirs)


def test_a_strangers_names_do_not_steer_the_terminal(capsys):
    fails(capsys, 1, "no\\u001b]0;x is not a bundle", "info", "no\x1b]0;x")


def test_a_series_and_a_task_are_told_from_texts(trained, capsys):
    for name, task in (("sines", "forecast"), ("dates", "translate")):
        fails(capsys, 1, f"'{name}' is generated for --task {task}. Give it alone", "score", trained.folder, name)


def test_control_characters_are_escaped_on_a_terminal(tmp_path):
    (tmp_path / "text.txt").write_text("\x1b[2J" * 200)
    main(["train", str(tmp_path / "text.txt"), *TRAINING, "-o", str(tmp_path / "run")])
    command = [*CHARLM, "sample", str(tmp_path / "run"), "--prompt", "\x1b[", "--length", "20"]
    ours, theirs = pty.openpty()
    subprocess.run(command, stdout=theirs, check=True)
    shown = os.read(ours, 1000).decode()
    os.close(ours), os.close(theirs)
    assert "\x1b" not in shown
    assert shown.startswith("\\u001b[")
    assert "\x1b" in run(*command[len(CHARLM) :]).stdout
