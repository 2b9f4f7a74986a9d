"""The whole loop on little data: pages, ratings, data, LoRA, gate, deployment, a candidate, promotion, roll-back.

It trains for real and needs the trainer's libraries (`make .venv/trainer`); without them it is skipped.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from toolscout import queue
from toolscout.catalogue import Catalogue, runs
from toolscout.query_adapter import NONE, POINTERS
from toolscout.settings import Settings

from benchmarks.system import System, running
from services.trainer import steps

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

VERBS = {
    "translates": "contracts", "summarises": "lectures", "transcribes": "interviews", "colours": "drawings",
    "schedules": "deliveries", "repairs": "photographs", "tunes": "recordings", "sorts": "invoices",
}  # fmt: skip
USERS = ["law firms", "students", "reporters", "painters", "bakeries", "archives", "choirs", "plumbers"]
PRICES = {0: "free", 9: "9 dollars a month"}
PATIENCE_S = 1500


def page(n: int) -> str:
    """A tool that says what it does in visible text, and the same of itself as JSON-LD."""
    (verb, thing), user = list(product(VERBS.items(), USERS))[n]
    price = n % 2 * 9
    name = f"{verb[:4].title()}{user.split()[0][:4]}"
    says = f"{name} {verb} {thing} for {user}."
    data = f'{{"@context":"https://schema.org","@type":"SoftwareApplication","name":"{name}","description":"{says}",'
    data += f'"offers":{{"@type":"Offer","price":"{price}","priceCurrency":"USD"}}}}'
    more = f"It runs in the browser and is {PRICES[price]}. Teams of {user} share their {thing} with each other."
    return (
        f'<html lang="en"><head><title>{name}</title><script type="application/ld+json">{data}</script></head>'
        f"<body><main><h1>{name}</h1><p>{says}</p><p>{more}</p></main></body></html>"
    )


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        number = self.path.strip("/")
        body = page(int(number)).encode() if number.isdigit() else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def tools() -> Iterator[int]:
    """The port of 64 tools, each on a loopback address of its own."""
    server = ThreadingHTTPServer(("0.0.0.0", 0), _Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def system(tools: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    if missing := [name for name in ("torch", "peft", "trl") if importlib.util.find_spec(name) is None]:
        pytest.skip(f"{', '.join(missing)} is not installed: make .venv/trainer")
    models = tmp_path_factory.mktemp("models")
    (models / "encoder").symlink_to(Settings(_env_file=None).encoder_dir)
    (models / POINTERS["stable"]).write_text(NONE)
    with running(
        models_dir=models, allow_hosts=f"127.8.0.0/16:{tools}", host_delay=0, candidate_share=1.0, sweep_seconds=2
    ) as found:
        yield found


def do(system: System, **options: Any) -> dict[str, Any]:
    """A whole run by the system's own trainer, to its end."""
    settings = Settings(_env_file=None, data_dir=system.data_dir, models_dir=Path(system.env["TOOLSCOUT_MODELS_DIR"]))
    catalogue = Catalogue(settings.db_url)
    run_id = steps.create(catalogue, [], "test", **options)
    queue.wake_step(queue.create_celery(settings), run_id, queue.RUN_STEPS[0])
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with catalogue.read() as conn:
            run = runs.get(conn, run_id)
        if run["ended_at"]:
            catalogue.close()
            return run
        time.sleep(1)
    raise AssertionError("\n".join(steps.report(run)))


def current(operator: httpx.Client) -> dict[str, Any] | None:
    operator.post("/api/v1/search", json={"query": "wake up", "answer": False}).raise_for_status()
    items = operator.get("/api/v1/experiments").json()["items"]
    return next((item for item in items if item["current"]), None)


def eventually(look: Any, seconds: float = 60) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.5)
    raise AssertionError("it did not happen")


def test_from_pages_to_a_better_model_and_back(system: System, tools: int) -> None:
    urls = [f"http://127.8.0.{n + 1}:{tools}/{n}" for n in range(len(VERBS) * len(USERS))]
    models = Path(system.env["TOOLSCOUT_MODELS_DIR"])
    with system.client(headers={"Authorization": f"Bearer {system.admin_key}"}) as operator:
        done = operator.post("/api/v1/process_url", json={"urls": urls, "wait": True}).json()
        assert {url["state"] for url in done["urls"]} == {"indexed"}, done

        with system.client() as visitor:
            found = visitor.post("/api/v1/search", json={"query": "translates contracts for law firms"}).json()
            body = {"search_id": found["search_id"], "rating": "up"}
            visitor.post("/api/v1/feedback", json=body).raise_for_status()

        run = do(system, epochs=2, limit=20)
        report = "\n".join(steps.report(run))
        states = {step["name"]: step["state"] for step in run["steps"]}
        assert states["finetune_model"] == states["evaluate"] == states["deploy"] == "done", report
        adapter = (models / "finetuned_adapter").resolve().name
        assert adapter == run["id"]

        item = eventually(lambda: current(operator))
        assert item["arms"]["candidate"]["adapter"] == adapter
        eventually((system.data_dir / "run" / "llm_candidate").exists)

        def answered() -> bool:
            with system.client() as visitor:
                said = visitor.post(
                    "/api/v1/search", json={"query": "who transcribes interviews for reporters?"}
                ).json()
            return said["group"] == "candidate" and said["answer"]["source"] == "llm"

        eventually(answered, 120)
        for action in ("promote", "rollback"):
            operator.put(f"/api/v1/experiments/{item['id']}", json={"action": action}).raise_for_status()
            assert (models / "stable_adapter").exists() == (action == "promote")

    names = {event["event"]["action"] for event in system.events()}
    assert {"step_ended", "training_progressed", "adapter_deployed", "arm_exposed", "experiment_changed"} <= names
