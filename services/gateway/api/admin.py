"""`/api/v1/admin`: a browser logs in with the admin key and gets a cookie for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field

from services.gateway.admin import COOKIE, COOKIE_SECONDS, is_admin
from services.gateway.api.forms import Form
from services.gateway.api.reply import reply
from services.gateway.state import gateway_of

router = APIRouter(prefix="/api/v1/admin", tags=["admin"])


class LoginForm(Form):
    key: Annotated[str, Field(min_length=1, max_length=500)]


@router.get("")
async def whoami(request: Request) -> Response:
    """Whether the request comes from the operator."""
    return reply({"admin": await is_admin(request)})


@router.post("/login", status_code=204)
async def log_in(form: LoginForm, request: Request) -> Response:
    """Gives the cookie for the key; ten wrong keys a minute are too many."""
    gateway = gateway_of(request)
    client = request.client.host if request.client else "unknown"
    value = await gateway.in_thread(gateway.admin.log_in, form.key.strip(), client)
    return _with_cookie(request, value, COOKIE_SECONDS)


@router.post("/logout", status_code=204)
async def log_out(request: Request) -> Response:
    """Takes the cookie away."""
    return _with_cookie(request, "", 0)


def _with_cookie(request: Request, value: str, seconds: int) -> Response:
    response = Response(status_code=204)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="strict")
    return response
