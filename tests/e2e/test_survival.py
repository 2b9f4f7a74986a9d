"""Workers are killed and the queue is flushed in the middle of a batch: every page still ends indexed, exactly once."""

import os
import random
import signal
import sqlite3
import time

import psutil
import pytest
import redis

from benchmarks.system import running

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("survival")]

PAGES = int(os.environ.get("SURVIVAL_PAGES", "500"))
KILLS = int(os.environ.get("SURVIVAL_KILLS", "20"))


def workers(system) -> list[psutil.Process]:
    """The crawler's, processor's and maintenance worker's processes, parents and children."""
    found = []
    for process in system.processes():
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if any(name in line for name in ("services.crawler", "services.processor", "services.maintenance")):
            found.append(process)
    return found


def test_a_batch_survives_kills_and_a_flushed_queue(site):
    print(f"{PAGES} pages (SURVIVAL_PAGES), {KILLS} kills (SURVIVAL_KILLS)")
    rng = random.Random(5)
    urls = site.urls(PAGES)
    with running(llm="off", allow_hosts=site.allow, host_delay=0, lease_seconds=3, sweep_seconds=1) as system:
        with system.client() as client:
            job = client.post("/api/v1/process_url", json={"urls": urls}).json()["job_id"]
            queue = redis.Redis.from_url((system.data_dir / "run" / "redis_url").read_text())
            for n in range(KILLS):
                time.sleep(rng.uniform(0.2, 1.2))
                while not (alive := workers(system)):
                    time.sleep(0.1)  # all were killed a moment ago
                os.kill(rng.choice(alive).pid, signal.SIGKILL)
                if n == KILLS // 2:
                    queue.flushall()
            until = time.monotonic() + 240
            while (found := client.get(f"/api/v1/jobs/{job}").json())["state"] != "indexed":
                assert time.monotonic() < until, [u for u in found["urls"] if u["state"] != "indexed"][:5]
                time.sleep(0.5)
            assert {u["state"] for u in found["urls"]} == {"indexed"}
            time.sleep(0.5)
            ready = client.get("/readyz").json()
        database = sqlite3.connect(system.data_dir / "toolscout.db")
        chunks = database.execute("SELECT page_id, count(*), count(DISTINCT ordinal) FROM chunks GROUP BY page_id")
        rows = chunks.fetchall()
        assert len(rows) == PAGES
        assert all(count == 1 == ordinals for _, count, ordinals in rows)
        assert ready["index"]["chunks"] == PAGES
        # Restarted by the supervisor, each of them.
        assert len(system.events("process_ended")) >= 1
