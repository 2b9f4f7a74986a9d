"""The catalogue: every page, job, tool, chunk, search and rating is a row. Queue and index follow it."""

from toolscout.catalogue.engine import Catalogue

__all__ = ["Catalogue"]
