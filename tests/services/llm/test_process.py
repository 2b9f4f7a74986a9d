"""The real process: announces itself, serves, and ends at once when asked to."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import httpx
import psutil
import pytest
from toolscout.settings import Settings

from tests.conftest import ROOT
from tests.services.llm.conftest import until, write_adapter

BODY = {"messages": [{"role": "user", "content": "Tell me a very long story."}], "max_tokens": 500, "stream": True}


@pytest.fixture
def start(tmp_path):
    """`start(arm)` starts a server; returns the process and its settings."""
    started = []
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", models_dir=tmp_path / "models", log_stdout=False)

    def one(arm="stable", *options):
        env = os.environ | {
            "TOOLSCOUT_DATA_DIR": str(settings.data_dir),
            "TOOLSCOUT_MODELS_DIR": str(settings.models_dir),
            "TOOLSCOUT_LOG_STDOUT": "0",
        }
        argv = [sys.executable, "-m", "services.llm", arm, *options]
        process = subprocess.Popen(argv, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process, settings

    yield one
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def actions(settings):
    lines = [line for file in settings.log_dir.glob("llm-*.jsonl") for line in file.read_text().splitlines()]
    return [json.loads(line)["event"]["action"] for line in lines]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_announces_itself_and_ends_within_two_seconds_while_it_writes(start, sent):
    process, settings = start()
    file = settings.llm_file("stable")
    until(file.exists, 20)
    base = file.read_text()
    assert base.startswith("http://127.0.0.1:") and base.endswith("/v1")
    assert psutil.Process(process.pid).nice() >= 5
    lines = []
    first = threading.Event()

    def read():
        with httpx.stream("POST", f"{base}/chat/completions", json=BODY, timeout=30, trust_env=False) as response:
            for line in filter(None, response.iter_lines()):
                lines.append(line)
                first.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert first.wait(10)
    started = time.monotonic()
    process.send_signal(sent)
    assert process.wait(5) == 0
    assert time.monotonic() - started < 2
    reader.join(5)
    assert '"code":"stopping"' in lines[-1]
    assert not file.exists()
    assert actions(settings)[0] == "service_started" and actions(settings)[-1] == "service_stopped"
    assert not process.stderr.read()


def test_two_arms_serve_side_by_side_each_its_own_adapter(start):
    _, settings = start("stable", "--servers", "2")
    write_adapter(settings.models_dir / "finetuned_adapter")
    start("candidate", "--servers", "2")
    until(lambda: settings.llm_file("stable").exists() and settings.llm_file("candidate").exists(), 20)
    found = {}
    for arm in ("stable", "candidate"):
        base = settings.llm_file(arm).read_text()
        found[arm] = httpx.get(f"{base.removesuffix('/v1')}/health", trust_env=False).json()["adapter"]
    assert found == {"stable": None, "candidate": "finetuned_adapter"}


def test_a_port_in_use_is_said_and_leaves_no_address(start):
    process, settings = start("stable", "--port", "0")
    until(settings.llm_file("stable").exists, 20)
    port = settings.llm_file("stable").read_text().rpartition(":")[2].removesuffix("/v1")
    second, _ = start("candidate", "--port", port)
    assert second.wait(20) != 0
    assert f"port {port}" in second.stderr.read()
    assert not settings.llm_file("candidate").exists()
    assert process.poll() is None
