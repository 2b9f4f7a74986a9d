"""What Toolscout's services share."""

from importlib.metadata import version

__version__ = version("toolscout")
