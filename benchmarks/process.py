"""Pages a second of the processor against a bare loop of the same extractor and encoder that keeps nothing."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from toolscout.addresses import AddressGuard
from toolscout.catalogue import Catalogue, jobs, migrate
from toolscout.catalogue.pages import PROCESS
from toolscout.domain import Chunk
from toolscout.pages import PageStore
from toolscout.settings import Settings
from toolscout.submit import wanted, with_html
from toolscout.work import work_through

from benchmarks.pages import captured_pages
from services.processor.chunk import passages
from services.processor.extract import extract
from services.processor.process import Processor


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pages", type=int, default=50)


def run(options: argparse.Namespace) -> dict[str, Any]:
    # At addresses of our own: some of theirs are no public ones.
    bodies = [(f"https://page{n}.example/", html) for n, (_, html) in enumerate(captured_pages(options.pages))]
    with tempfile.TemporaryDirectory(prefix="toolscout-") as directory:
        settings = Settings(_env_file=None, data_dir=Path(directory), log_stdout=False)
        catalogue = Catalogue(settings.db_url)
        migrate.upgrade(catalogue)
        processor = Processor(settings)
        processor.encoder.encode(["warm up"])
        half = len(bodies) // 2
        bare_s = ours_s = 0.0
        # In turns, so that a busy moment of the machine hits both sides.
        for some in (bodies[:half], bodies[half:]):
            bare_s += _bare(processor, some)
            ours_s += _ours(settings, catalogue, processor, some)
    return {
        "ratio": round(bare_s / ours_s, 3),
        "pages_per_s": round(len(bodies) / ours_s, 2),
        "bare_pages_per_s": round(len(bodies) / bare_s, 2),
        "pages": len(bodies),
    }


def _bare(processor: Processor, bodies: list[tuple[str, str]]) -> float:
    start = time.perf_counter()
    for batch in range(0, len(bodies), processor.settings.batch_size):
        texts = []
        for url, html in bodies[batch : batch + processor.settings.batch_size]:
            page = extract(html.encode(), url, "text/html; charset=utf-8")
            texts += [Chunk(0, n, page.title, text).indexed_text for n, text in enumerate(passages(page))]
        processor.encoder.encode(texts)
    return time.perf_counter() - start


def _ours(settings: Settings, catalogue: Catalogue, processor: Processor, bodies: list[tuple[str, str]]) -> float:
    store, guard = PageStore(settings.raw_dir), AddressGuard()
    rows = [with_html(wanted(url, guard), html, store) for url, html in bodies]
    with catalogue.write() as conn:
        job = jobs.submit(conn, rows, time.time(), 86_400, None)
    start = time.perf_counter()
    size = settings.batch_size
    for batch in range(0, len(job.to_process), size):
        ids = job.to_process[batch : batch + size]
        work_through(catalogue, PROCESS, ids, settings.lease_seconds, processor.process)
    return time.perf_counter() - start
