"""How an answer goes out: straight through orjson, without FastAPI's own model of it."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi.responses import Response


def reply(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
