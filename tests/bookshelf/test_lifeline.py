"""A process ends with its parent, also with one that was gone before it could look."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bookshelf.settings import ROOT

#: Ends at once, and leaves a process that says so if it lives on.
PARENT = """
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid())])
os._exit(0)
"""
CHILD = """
import os, sys, time
from bookshelf.lifeline import end_with_parent
parent = int(sys.argv[1])
{}
time.sleep(20)
print("lives on", flush=True)
"""
LOOKS_BEFORE = "end_with_parent()"
LOOKS_AFTER = "while os.getppid() == parent: time.sleep(0.01)\nend_with_parent()"
IS_TOLD = "while os.getppid() == parent: time.sleep(0.01)\nend_with_parent(parent)"


@pytest.mark.parametrize("how", [LOOKS_AFTER, IS_TOLD], ids=["that it looks for", "that it is told of"])
def test_a_process_whose_parent_is_gone_already_ends_too(how: str) -> None:
    command = [sys.executable, "-c", PARENT, CHILD.format(how)]
    said = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert said.stdout == ""  # which is heard when nobody is left who could say more


def test_a_process_lives_as_long_as_its_parent() -> None:
    program = CHILD.format(LOOKS_BEFORE).replace("time.sleep(20)", "time.sleep(1.2)")
    said = subprocess.run(
        [sys.executable, "-c", program, "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    assert said.stdout == "lives on\n"
