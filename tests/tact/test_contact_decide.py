"""`tact contact decide` as a process: one answer a line in the same order, bad lines in their place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.notifier.domain.test_asked import request

DECIDE = [sys.executable, "-m", "tact", "contact", "decide"]
CN = ("--pack", "cn", "--pack", "cn-house")
NIGHT = request(now="2026-11-24T23:00:00+08:00")


def run(lines: list[bytes], *arguments: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    given = b"".join(line + b"\n" for line in lines)
    env = {**os.environ, **environ}
    return subprocess.run([*DECIDE, *arguments], input=given, capture_output=True, timeout=60, env=env)


def line(**changes: Any) -> bytes:
    return json.dumps(request(**changes)).encode()


def objects(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(each) for each in output.splitlines()]


def test_each_line_gets_its_answer_in_order_and_blank_ones_none() -> None:
    done = run([line(), b"", line(now=NIGHT["now"])], *CN)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [answer["verdict"] for answer in objects(done.stdout)] == ["allow", "defer"]
    assert objects(done.stdout)[1]["until"] == "2026-11-25T08:00:00+08:00"


def test_a_bad_line_is_told_twice_and_the_others_are_decided() -> None:
    done = run([line(), b"{", line(stage="S9"), line()], *CN)
    assert done.returncode == 1
    told = objects(done.stderr)
    assert [(each["line"], each["code"]) for each in told] == [(2, "bad_json"), (3, "bad_schema")]
    answers = objects(done.stdout)
    assert answers[1:3] == told
    assert answers[0] == answers[3] and answers[0]["verdict"] == "allow"


def test_one_pack_alone_knows_its_own_rules() -> None:
    visit = line(channel="visit", agents=["c1", "c2"])
    assert [answer["verdict"] for answer in objects(run([visit], "--pack", "cn").stdout)] == ["allow"]
    assert [answer["verdict"] for answer in objects(run([visit], *CN).stdout)] == ["deny"]


@pytest.mark.parametrize(
    ("lines", "arguments"),
    [
        ([], ()),
        ([], ("--pack", "nowhere")),
        ([], ("--pack", "holds")),
        ([], ("--pack", "cn", "--pack", "cn")),
        ([b"\xff\xfe"], CN),
    ],
)
def test_wrong_usage_an_unknown_pack_and_what_is_not_utf8_end_with_2(
    lines: list[bytes], arguments: tuple[str, ...]
) -> None:
    done = run(lines, *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr and b"Traceback" not in done.stderr


def test_no_input_is_no_output(tmp_path: Path) -> None:
    done = run([], *CN)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
