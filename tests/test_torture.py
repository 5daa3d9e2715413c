"""Kills a run with SIGKILL, as a power cut would."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_as_an_unbroken_one():
    script = Path(__file__).parents[1] / "scripts" / "torture.py"
    result = subprocess.run([sys.executable, script, "--kills", "4"], capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout
    assert "4 kills" in result.stdout and "equal bit for bit" in result.stdout
    assert int(re.search(r"(\d+) of them while a checkpoint was written", result.stdout)[1]) >= 1
