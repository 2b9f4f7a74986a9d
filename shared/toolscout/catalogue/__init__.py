"""The catalogue: every page, job, tool, chunk, search and rating is a row. It is the truth; queue and index only follow."""

from toolscout.catalogue.engine import Catalogue

__all__ = ["Catalogue"]
