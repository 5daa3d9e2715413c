from charlm import journal


def test_a_line_that_was_cut_short_is_left_out(tmp_path):
    assert journal.read(tmp_path) == []
    for step in (10, 20, 30):
        journal.append(tmp_path, {"step": step, "seconds": 0.5 * step})
    path = tmp_path / journal.NAME
    path.write_bytes(path.read_bytes()[:-5])
    assert [line["step"] for line in journal.read(tmp_path)] == [10, 20]


def test_lines_that_are_none_are_left_out(tmp_path):
    (tmp_path / journal.NAME).write_bytes(
        b'3\n{"step": 1}\n"\xff"\n{"note": 2}\n{"step": "3"}\n' + b"9" * 5000 + b"\n" + b"[" * 100_000 + b"\n"
    )
    assert journal.read(tmp_path) == [{"step": 1}]


def test_steps_that_are_taken_again_are_cut(tmp_path):
    for step in (10, 20, 30):
        journal.append(tmp_path, {"step": step})
    journal.cut(tmp_path, 20)
    journal.append(tmp_path, {"step": 30})
    assert [line["step"] for line in journal.read(tmp_path)] == [10, 20, 30]
