"""The script that starts a run and follows it, against the API's double."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from examples.toolscout_run import Gateway, Later, follow
from services.up import free_port
from tests.examples.double import KEY, run_open, serving

TRAIN = ("--kind", "train")


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_starts_a_run_and_leaves_it(double, go):
    code, out, err = go(double.url, *TRAIN, "--step", "combine_datasets", "--step", "deploy")
    assert (code, err, double.asked) == (0, "", ["POST "])
    assert double.bodies == [{"kind": "train", "steps": ["combine_datasets", "deploy"]}]
    assert "run run0: started" in out


def test_it_follows_the_run_to_its_end(double, go):
    code, out, err = go(double.url, "--kind", "full", "--wait")
    assert (code, err) == (0, "")
    assert double.asked == ["POST ", *["GET /run0"] * 3]
    said = [line.split(" ", 2)[2] if line[0].isdigit() else line for line in out.splitlines()]
    assert said == [
        "run run0: started",
        "run run0: generate_finetuning_data 1 of 2",
        "run run0: generate_finetuning_data 2 of 2",
        "run run0: done",
        "  generate_finetuning_data: done",
        "  combine_datasets: done",
    ]


def test_a_failed_run_says_why_and_what_to_do(double, go):
    double.end = "failed"
    code, out, err = go(double.url, *TRAIN, "--wait")
    assert code == 1
    assert "generate_finetuning_data: disk_full. No space left. Make room, then start it again." in err
    assert "combine_datasets: skipped (generate_finetuning_data_failed)" in out


def test_a_run_that_somebody_cancels_is_no_success(double, go):
    double.end = "cancelled"
    code, _, err = go(double.url, *TRAIN, "--wait")
    assert (code, "Run run0 is cancelled" in err) == (1, True)


def test_it_says_that_nobody_works(double, go):
    double.waits_for = "toolscout train --resume run0"
    code, _, err = go(double.url, *TRAIN)
    assert (code, "toolscout train --resume run0" in err) == (0, True)


@pytest.mark.parametrize("answer", [run_open(), (503, {}), (429, {"detail": "Too many.", "remedy": "", "reason": "x"})])
def test_later(double, go, answer):
    double.refuses = [answer]
    code, _, err = go(double.url, *TRAIN, "--wait")
    assert (code, bool(err), double.runs) == (75, True, [])


def test_later_when_nobody_listens(go):
    code, _, err = go(f"http://127.0.0.1:{free_port()}", *TRAIN)
    assert (code, "is away" in err) == (75, True)


@pytest.mark.parametrize("key", ["", "wrong", "a line\nand another", "열쇠"])
def test_a_key_that_is_none(double, go, key):
    code, _, err = go(double.url, *TRAIN, key=key)
    assert (code, "key" in err, "Traceback" in err, double.runs) == (2, True, False, [])


@pytest.mark.parametrize("args", [(), ("--kind", "dance"), (*TRAIN, "--every", "-1"), (*TRAIN, "--patience", "nan")])
def test_arguments_that_mean_nothing(double, go, args):
    code, _, err = go(double.url, *args)
    assert (code, "usage" in err, double.asked) == (2, True, [])


def test_what_the_gateway_refuses(double, go):
    unknown = {"reason": "unknown_step", "detail": "A run of kind train has no step 'x'.", "remedy": "Steps are …"}
    double.refuses = [(422, unknown)]
    code, _, err = go(double.url, *TRAIN, "--step", "x")
    assert (code, err) == (2, "A run of kind train has no step 'x'. Steps are …\n")


@pytest.mark.parametrize("answer", [(200, {}), (500, {"detail": 3}), (200, ["state"])])
def test_who_is_no_gateway(double, go, answer):
    double.refuses = [answer]
    code, _, err = go(double.url, *TRAIN)
    assert (code, "Traceback" in err) == (2, False)


def test_an_address_that_is_none(go):
    assert go("file:///etc/hostname", *TRAIN)[0] == 2


def test_the_key_goes_nowhere_else(double, go):
    with serving() as other:
        double.refuses = [(302, {"location": other.url + "/api/v1/pipeline/runs"})]
        assert go(double.url, *TRAIN)[0] == 2
        assert other.asked == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_run(double, begin, number):
    double.looks = 1_000_000
    process = begin(double.url, *TRAIN, "--wait")
    until(lambda: "GET /run0" in double.asked)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, double.asked[-1]) == (128 + number, "POST /run0/cancel")
    assert "Run run0 was asked to end and is cancelled." in err
    assert KEY not in out + err


def test_a_signal_while_the_run_starts_cancels_it_too(double, begin):
    double.gate.clear()
    process = begin(double.url, *TRAIN)
    until(lambda: double.bodies)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    double.gate.set()
    process.communicate(timeout=30)
    assert (process.returncode, double.runs[0]["state"]) == (143, "cancelled")


def test_a_signal_while_the_gateway_is_away(double, begin):
    double.looks = 1_000_000
    process = begin(double.url, *TRAIN, "--wait")
    until(lambda: "GET /run0" in double.asked)
    double.refuses = [(503, {})] * 1000
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, "toolscout train --cancel run0" in err) == (143, True)


def test_a_gateway_that_restarts_ends_no_run(double):
    gateway = Gateway(double.url, KEY)
    run_id = gateway.start("train")["run_id"]
    double.refuses = [(503, {}), (502, {})]
    assert follow(gateway, run_id, 0.01, 10, print)["state"] == "done"


def test_patience_ends(double):
    gateway = Gateway(double.url, KEY)
    run_id = gateway.start("train")["run_id"]
    double.refuses = [(503, {})] * 1000
    with pytest.raises(Later, match="Run run0 goes on"):
        follow(gateway, run_id, 0.01, 0.05, print)
