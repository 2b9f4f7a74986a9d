"""`python -m services.processor`: a processor's worker."""

import os

from toolscout.worker import run

from services.processor.tasks import create_worker

if __name__ == "__main__":
    # Embedding takes every core that nobody else wants; searches come first.
    os.nice(10)
    run("processor", create_worker)
