"""`python -m services.llm stable|candidate`: the embedded model's server of one arm."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from types import FrameType

import uvicorn
from toolscout import logs
from toolscout.endpoints import CANDIDATE, STABLE
from toolscout.errors import ConfigError, ToolscoutError
from toolscout.settings import Settings

from services.llm.model import weights
from services.llm.serve import LOOPBACK, create_app

# Searches go first.
NICE = 5
END_S = 1


class _Server(uvicorn.Server):
    """Ends what is being written as soon as it is asked to end; uvicorn itself waits for it."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if llm := getattr(self.config.app.state, "llm", None):  # type: ignore[union-attr]
            llm.end_soon()


def main() -> None:
    options = _options()
    os.nice(NICE)
    # uvicorn raises the signal again when it has ended: then, as before it has started, this ends us in order.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    settings = Settings()
    logs.configure(settings, f"llm-{options.arm}")
    try:
        serve(settings, options)
    except ToolscoutError as error:
        sys.exit(f"llm: {error.detail} {error.remedy}")
    finally:
        logs.shutdown()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m services.llm", description=__doc__)
    parser.add_argument("arm", choices=[STABLE, CANDIDATE])
    parser.add_argument("--host", default="127.0.0.1", help="address to bind to")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--address", default="", help="where others reach it, e.g. http://llm:8000/v1")
    parser.add_argument("--servers", type=int, default=1, help="how many such servers share this machine's cores")
    return parser.parse_args()


def serve(settings: Settings, options: argparse.Namespace) -> None:
    weights()  # said in one line where the package lacks
    with _door(options.host, options.port) as door:
        address = options.address or f"http://127.0.0.1:{door.getsockname()[1]}/v1"
        hosts = LOOPBACK if options.host in LOOPBACK else ["*"]
        app = create_app(settings, options.arm, address, max(1, options.servers), hosts)
        config = uvicorn.Config(
            app, access_log=False, log_config=None, server_header=False, timeout_graceful_shutdown=END_S
        )
        server = _Server(config)
        server.run(sockets=[door])
        if not server.started:
            sys.exit("llm: the model can't be loaded; the log says why.")


def _door(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise ConfigError(
            f"{host} port {port} can't be used: {error.strerror}.", remedy="Give another --port, or 0 for a free one."
        ) from None


if __name__ == "__main__":
    main()
