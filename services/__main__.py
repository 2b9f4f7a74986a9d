"""`python -m services`: the whole system on one machine, as `toolscout up`."""

from services.cli import main

if __name__ == "__main__":
    main(["up"])
