"""The DAG by `airflow dags test` and the flow by Prefect's test harness, each in an environment of its own.

Making the two takes minutes and 600 MB, kept in the user's cache: `make examples`.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from examples import toolscout_run
from tests.examples.double import KEY, Double, run_open, serving

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
WANTED = "TOOLSCOUT_TEST_SCHEDULERS"
# Together on one test process: they share the environments, and a machine has few cores.
pytestmark = pytest.mark.xdist_group("schedulers")
heavy = pytest.mark.skipif(not os.environ.get(WANTED), reason=f"takes minutes: `make examples` sets {WANTED}=1")
REFUSED = (422, {"reason": "unknown_step", "detail": "There is no step 'x'.", "remedy": "Steps are …"})


@pytest.mark.parametrize("name, library", [("airflow_dag", "airflow"), ("prefect_flow", "prefect")])
def test_they_need_only_python_and_the_scheduler(name, library):
    tree = ast.parse((EXAMPLES / f"{name}.py").read_text())
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    used = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    used |= {(node.module or "").split(".")[0] for node in froms}
    assert used - sys.stdlib_module_names == {library, "toolscout_run"}
    ours = [alias.name for node in froms if node.module == "toolscout_run" for alias in node.names]
    assert [each for each in ours if not hasattr(toolscout_run, each)] == []


def environment(name: str, package: str) -> Path:
    """The commands of a venv with that package, in the versions with which it was tested."""
    constraints = HERE / f"constraints-{name}.txt"
    digest = hashlib.sha256(constraints.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "toolscout" / f"{name}-{digest}"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        subprocess.run([*pip, "-c", str(constraints), package], check=True)
        (folder / "ready").touch()
    return folder / "bin"


def clean(**values: str) -> dict[str, str]:
    """Our environment without settings of the schedulers or of Toolscout."""
    ours = ("AIRFLOW", "PREFECT", "TOOLSCOUT", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | values


class Airflow:
    """An Airflow with a home and a database of its own."""

    def __init__(self, bin: Path, home: Path) -> None:
        self.command = str(bin / "airflow")
        # Its commands look for others of theirs.
        self.env = clean(AIRFLOW_HOME=str(home), PATH=f"{bin}{os.pathsep}{os.environ['PATH']}")
        self.env |= {"AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        self.env |= {"AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1", "TOOLSCOUT_POLL_SECONDS": "1"}
        self.run("db", "migrate").check_returncode()

    def run(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        argv = [self.command, *args]
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": 400}
        return subprocess.run(argv, env=self.env | env, check=False, **both)

    def test(self, double: Double, conf: dict[str, Any], **env: str) -> subprocess.CompletedProcess[str]:
        at = urlsplit(double.url)
        connection = {"conn_type": "http", "host": at.hostname, "port": at.port, "password": KEY}
        env["AIRFLOW_CONN_TOOLSCOUT"] = json.dumps(connection)
        return self.run("dags", "test", "toolscout", "--conf", json.dumps(conf), **env)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory) -> Airflow:
    return Airflow(environment("airflow", "apache-airflow"), tmp_path_factory.mktemp("airflow"))


@heavy
def test_airflow_waits_for_its_turn_and_for_the_end(airflow, double):
    double.refuses = [run_open(), (503, {})]
    done = airflow.test(double, {"kind": "crawl", "steps": ["process"]})
    assert done.returncode == 0, done.stdout
    assert double.asked[:3] == ["POST "] * 3
    assert double.asked.count("GET /run0") == 3
    assert (double.bodies, double.runs[0]["state"]) == ([{"kind": "crawl", "steps": ["process"]}], "done")
    assert "run run0: done" in done.stdout
    assert KEY not in done.stdout


@heavy
def test_airflow_fails_with_the_run_and_says_why(airflow, double):
    double.looks, double.end = 0, "failed"
    failed = airflow.test(double, {})
    assert failed.returncode != 0
    assert "disk_full. No space left. Make room, then start it again." in failed.stdout
    # Started once, looked at once, reported once: nothing of it was tried again.
    assert double.asked == ["POST ", "GET /run0", "POST /run0/cancel"]


@heavy
def test_airflow_does_not_ask_again_what_was_refused(airflow, double):
    double.refuses = [REFUSED]
    assert airflow.test(double, {"steps": ["x"]}).returncode != 0
    assert double.asked == ["POST "]


@heavy
def test_airflow_cancels_a_run_that_it_gives_up(airflow, double):
    double.looks = 1_000_000
    assert airflow.test(double, {}, TOOLSCOUT_WAIT_SECONDS="2").returncode != 0
    assert double.asked[-1] == "POST /run0/cancel"
    assert double.runs[0]["state"] == "cancelled"


@pytest.fixture
def doubles() -> Iterator[list[Double]]:
    with ExitStack() as stack:
        yield [stack.enter_context(serving()) for _ in range(4)]


@heavy
def test_prefect(doubles, tmp_path):
    busy, broken, refusing, endless = doubles
    busy.refuses = [run_open(), (503, {})]
    broken.end = "failed"
    refusing.refuses = [REFUSED]
    endless.looks = 1_000_000
    cases: list[dict[str, Any]] = []
    for double, options in (
        (busy, {"kind": "crawl", "steps": ["process"]}),
        (broken, {}),
        (refusing, {}),
        (endless, {}),
    ):
        wait_s = 1 if double is endless else 60
        cases.append({"options": options | {"base": double.url, "every_s": 0.1}, "key": KEY, "wait_s": wait_s})
    argv = [str(environment("prefect", "prefect") / "python"), str(HERE / "drive_prefect.py"), *map(json.dumps, cases)]
    env = clean(PREFECT_HOME=str(tmp_path), PREFECT_SERVER_ANALYTICS_ENABLED="false")
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": 400}
    run = subprocess.run(argv, env=env, check=False, **both)
    assert run.returncode == 0, run.stdout
    lines = [line.removeprefix("ENDED ") for line in run.stdout.splitlines() if line.startswith("ENDED ")]
    done, failed, refused, given_up = map(json.loads, lines)
    assert KEY not in run.stdout

    assert (done, busy.asked[:3]) == ({"returned": "run0"}, ["POST "] * 3)
    assert (busy.bodies, busy.runs[0]["state"]) == ([{"kind": "crawl", "steps": ["process"]}], "done")
    assert (failed["raised"], "disk_full. No space left." in failed["text"]) == ("Failed", True)
    assert broken.asked == ["POST ", *["GET /run0"] * 3, "POST /run0/cancel"]
    assert (refused["raised"], refusing.asked) == ("Refused", ["POST "])
    assert (given_up["raised"], endless.runs[0]["state"]) == ("Failed", "cancelled")
