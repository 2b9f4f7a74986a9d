"""The lines for cron: each is parsed, what it calls exists, and one of each kind is run as cron runs it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from examples.toolscout_run import parser
from tests.examples.double import KEY, Double

ROOT = Path(__file__).parents[2]
LINES = [line for line in (ROOT / "examples" / "crontab").read_text().splitlines() if line and line[0] != "#"]
VALUES = dict(line.split("=", 1) for line in LINES if re.match(r"[A-Z_]+=", line))
JOBS = [line for line in LINES if not re.match(r"[A-Z_]+=", line)]
FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
NAMES = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def command(job: str) -> str:
    return job.split(None, 5)[5]


def calls(job: str) -> list[list[str]]:
    """A line's commands, each in words, without the values that it sets."""
    text = re.sub(r"[A-Z_]+=\$\([^)]*\) ", "", command(job))
    lexer = shlex.shlex(text, posix=True, punctuation_chars="&><")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if word == "&&":
            found.append([])
        else:
            found[-1].append(word)
    return found


def test_there_are_values_and_jobs():
    assert VALUES["MAILTO"]
    assert len(JOBS) == 3


@pytest.mark.parametrize("job", JOBS, ids=command)
def test_a_job_comes_at_times_that_exist(job):
    for field, (low, high) in zip(job.split(None, 5)[:5], FIELDS, strict=True):
        if field != "*":
            number = NAMES.index(field) if field in NAMES and high == 7 else int(field)
            assert low <= number <= high
    assert "%" not in command(job)


@pytest.mark.parametrize("job", JOBS, ids=command)
def test_what_a_job_calls_exists(job):
    for words in calls(job):
        assert words[0] == "cd" or shutil.which(words[0]), words
    assert set(re.findall(r"\$([A-Z_]+)", job)) <= set(VALUES)


@pytest.mark.parametrize("job", [job for job in JOBS if "flock" in job], ids=command)
def test_a_run_is_locked_limited_logged_and_of_a_kind_that_there_is(job):
    words = calls(job)[-1]
    script = words.index("examples/toolscout_run.py")
    assert (ROOT / words[script]).exists()
    assert [word for word in words[:script] if shutil.which(word)] == ["flock", "timeout", "python3"]
    options = parser().parse_args(words[script + 1 : words.index(">>")])
    assert (options.wait, options.base) == (True, "$BASE")
    assert words[-2:] == [">>", "$LOG"]


class Home:
    """A home directory with Toolscout in it."""

    def __init__(self, folder: Path, double: Double) -> None:
        self.folder = folder
        self.there = folder / VALUES["DIR"]
        (self.there / "data").mkdir(parents=True)
        (self.there / "examples").symlink_to(ROOT / "examples")
        (self.there / VALUES["KEY_FILE"]).write_text(f"{KEY}\n")
        self.env = VALUES | {"BASE": double.url, "HOME": str(folder), "PATH": "/usr/bin:/bin"}

    def cron(self, job: str) -> subprocess.CompletedProcess[str]:
        """Runs a job as cron does."""
        argv = ["/bin/sh", "-c", command(job)]
        return subprocess.run(
            argv, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=60, check=False
        )

    @property
    def log(self) -> str:
        return (self.there / VALUES["LOG"]).read_text()


@pytest.fixture
def home(tmp_path, double) -> Home:
    double.looks = 0
    return Home(tmp_path, double)


def test_cron_runs_them(home, double):
    done = [home.cron(job) for job in JOBS]
    assert [(one.returncode, one.stdout, one.stderr) for one in done] == [(0, "", "")] * 3
    assert [body["kind"] for body in double.bodies] == ["crawl", "train"]
    assert "run run1: done" in home.log
    assert KEY not in home.log


def test_cron_mails_what_went_wrong(home, double):
    double.end = "failed"
    ended = home.cron(JOBS[1])
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "disk_full" in ended.stderr


def test_one_line_at_a_time(home, double):
    lock = home.there / VALUES["LOCK"]
    with subprocess.Popen(["flock", str(lock), "sleep", "30"], start_new_session=True) as holder:
        while subprocess.run(["flock", "-n", str(lock), "true"], check=False).returncode == 0:
            time.sleep(0.01)
        ended = home.cron(JOBS[0])
        os.killpg(holder.pid, signal.SIGKILL)
    assert (ended.returncode, ended.stderr, double.asked) == (75, "", [])
