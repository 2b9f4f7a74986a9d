"""Who is served when."""

import asyncio

import pytest
from toolscout.errors import ToolscoutError

from services.llm.line import Job, Line
from services.llm.wire import Busy, Gone, Preempted, Stopping, parse

REQUEST = parse(b'{"messages": [{"role": "user", "content": "hi"}]}')


def job(background=False):
    return Job(REQUEST, background)


def run(scene):
    async def within():
        await asyncio.wait_for(scene(), 5)

    asyncio.run(within())


def test_answers_go_before_background_work_and_each_in_order():
    async def scene():
        line = Line(9)
        first, *rest = job(), job(True), job(), job(True), job()
        for one in (first, *rest):
            line.join(one)
        served = []
        for _ in range(5):
            served.append(await line.next())
            line.done(1.0)
        assert served == [first, rest[1], rest[3], rest[0], rest[2]]

    run(scene)


def test_an_answer_stops_what_runs_in_the_background_but_no_other_answer():
    async def scene():
        line = Line(9)
        background, answer, other = job(True), job(), job()
        line.join(background)
        assert await line.next() is background
        line.join(answer)
        assert isinstance(background.stopped, Preempted)
        assert await background.said.get() is background.stopped
        line.done(1.0)
        assert await line.next() is answer
        line.join(other)
        assert answer.stopped is None

    run(scene)


def test_beyond_the_limit_nobody_is_taken_in_but_an_answer_in_the_place_of_background_work():
    async def scene():
        line = Line(2)
        running, waiting, background = job(), job(), job(True)
        line.join(running)
        await line.next()
        line.join(waiting)
        line.join(background)
        with pytest.raises(Busy):
            line.join(job(True))
        answer = job()
        line.join(answer)
        assert isinstance(background.stopped, Preempted)
        assert line.waiting == [waiting, answer]
        with pytest.raises(Busy) as refused:
            line.join(job())
        assert refused.value.status == 503

    run(scene)


def test_an_answer_needs_no_place_to_wait_behind_what_it_stops():
    async def scene():
        line = Line(0)
        background, answer = job(True), job()
        line.join(background)
        await line.next()
        line.join(answer)
        assert background.stopped and not answer.stopped

    run(scene)


def test_who_leaves_the_line_is_not_served():
    async def scene():
        line = Line(3)
        left, stays = job(), job()
        line.join(left)
        line.join(stays)
        line.stop(left, Gone())
        assert await line.next() is stays

    run(scene)


def test_the_wait_is_estimated_from_what_the_last_requests_took():
    async def scene():
        line = Line(5)
        for _ in range(30):
            line.join(job())
            await line.next()
            line.done(4.0)
        line.join(job())
        line.join(job())
        assert line.wait_s == 8
        stopped = job()
        line.join(stopped)
        for _ in range(3):
            running = await line.next()
            line.stop(running, Gone())
            line.done(0.1)
        assert line.wait_s == 4

    run(scene)


def test_at_the_end_all_are_told_and_the_work_ends():
    async def scene():
        line = Line(3)
        running, waiting = job(), job()
        line.join(running)
        await line.next()
        line.join(waiting)
        line.close()
        line.done(1.0)
        for one in (running, waiting):
            assert isinstance(await one.said.get(), Stopping)
        assert await line.next() is None
        with pytest.raises(ToolscoutError, match="stops"):
            line.join(job())

    run(scene)
