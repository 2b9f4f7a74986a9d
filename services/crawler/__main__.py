"""`python -m services.crawler`: a crawler's worker."""

from toolscout.worker import run

from services.crawler.tasks import create_worker

if __name__ == "__main__":
    run("crawler", create_worker, concurrency=2)
