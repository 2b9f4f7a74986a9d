"""Real processes: started again when they crash, ended in order, killed when they don't listen."""

import os
import sys
import time

import psutil
import pytest
from toolscout.errors import ConfigError

from services.supervise import Child, Supervisor
from services.up import check, only_one


def child(tmp_path, name, code):
    return Child(name, [sys.executable, "-c", code], dict(os.environ), tmp_path / f"{name}.stderr")


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_crashed_process_starts_again_and_its_last_words_are_told(tmp_path):
    said = []
    crasher = child(tmp_path, "crasher", "import sys; sys.exit('I am broken')")
    supervisor = Supervisor([crasher], said.append)
    supervisor.start()

    def crashed_twice():
        supervisor.watch()
        return crasher.crashes >= 2

    until(crashed_twice)
    supervisor.stop()
    assert any("ended with 1" in line for line in said)
    assert any("I am broken" in line for line in said)


def test_who_ignores_the_request_to_end_is_killed_with_all_that_it_forked(tmp_path, monkeypatch):
    monkeypatch.setattr("services.supervise.PATIENCE_S", 0.5)
    deaf = child(
        tmp_path,
        "deaf",
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.fork(); time.sleep(60)",
    )
    supervisor = Supervisor([deaf])
    supervisor.start()
    until(lambda: len(psutil.Process(deaf.process.pid).children()) == 1)
    forked = psutil.Process(deaf.process.pid).children()[0]
    time.sleep(0.3)
    supervisor.stop()
    assert not deaf.alive
    until(lambda: not forked.is_running() or forked.status() == psutil.STATUS_ZOMBIE)


def test_one_data_directory_takes_one_system(tmp_path):
    with only_one(tmp_path / "run"), pytest.raises(ConfigError, match="already runs"), only_one(tmp_path / "run"):
        pass


def test_a_port_that_is_taken_is_said_with_its_remedy(settings):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="can't be used") as caught:
            check(settings.model_copy(update={"port": taken.getsockname()[1]}))
    assert "TOOLSCOUT_PORT" in caught.value.remedy
