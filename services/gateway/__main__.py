"""`python -m services.gateway`: the HTTP server."""

from __future__ import annotations

import sys

import uvicorn
from toolscout import logs
from toolscout.errors import ToolscoutError
from toolscout.settings import Settings

from services.gateway.app import create_app


def main() -> None:
    settings = Settings()
    logs.configure(settings, "gateway")
    try:
        app = create_app(settings)
    except ToolscoutError as error:
        sys.exit(f"gateway: {error.detail} {error.remedy}")
    # What a request did is our own event; uvicorn's lines would say it twice. Two seconds for open requests at the end.
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    logs.shutdown()


if __name__ == "__main__":
    main()
