"""`python -m services.processor`: a processor's worker."""

from toolscout.worker import run

from services.processor.tasks import create_worker

if __name__ == "__main__":
    run("processor", create_worker)
