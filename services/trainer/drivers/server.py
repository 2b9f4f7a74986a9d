"""A model's server asked for what is not in OpenAI's API: to load, to list and to forget models."""

from __future__ import annotations

import logging
from typing import Any

import httpx2
from toolscout.domain import CANDIDATE
from toolscout.endpoints import Endpoint, key_of
from toolscout.replies import host_of
from toolscout.settings import Settings

from services.trainer.drivers.driver import DeployFailed

log = logging.getLogger(__name__)

# Loading a model from a slow disk takes minutes.
TIMEOUT_S = 600.0
CONNECT_S = 5.0
NO_SUCH_API = frozenset({404, 405, 501})


class Server:
    """The one that adapters are deployed on. `base` ends as LLM_API_BASE does, mostly in /v1."""

    def __init__(self, settings: Settings) -> None:
        self.base = settings.deploy_api_base or settings.llm_api_base
        self.host = host_of(self.base)
        self._root = self.base.rstrip("/").removesuffix("/v1")
        self._key = key_of(settings, self.base)

    def endpoint(self, model: str) -> Endpoint:
        return Endpoint(CANDIDATE, self.base, model, self._key)

    def call(self, method: str, path: str, **how: Any) -> Any:
        """What it replies, JSON as values. Raises DeployFailed: server_away, no_such_api, or deploy_failed."""
        response = self.send(method, path, **how)
        if response.status_code in NO_SUCH_API:
            raise self._no_such_api(method, path)
        if response.status_code >= 400:
            raise self.refused(f"{method} {path}", said(response))
        try:
            return response.json()
        except ValueError:
            return response.text

    def send(self, method: str, path: str, **how: Any) -> httpx2.Response:
        """Its response, whatever the status. Raises DeployFailed where it can't be reached."""
        headers = {"Authorization": f"Bearer {key}"} if (key := self._key.get_secret_value()) else {}
        timeout = httpx2.Timeout(TIMEOUT_S, connect=CONNECT_S)
        try:
            # No proxies of the environment: the address is what was set.
            with httpx2.Client(trust_env=False, timeout=timeout, headers=headers) as client:
                return client.request(method, self._root + path, **how)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise DeployFailed(
                f"The server at {self.host} can't be reached: {error}",
                reason="server_away",
                remedy="Start it, or correct TOOLSCOUT_DEPLOY_API_BASE or LLM_API_BASE; then: toolscout train"
                " --step deploy",
            ) from error

    def try_to(self, method: str, path: str, **how: Any) -> None:
        """The same for tidying up, which nothing depends on."""
        try:
            self.call(method, path, **how)
        except DeployFailed as error:
            log.warning("%s", error.detail)

    def listed(self) -> list[str]:
        """Names of its models. Raises DeployFailed."""
        found = self.call("GET", "/v1/models")
        return [one["id"] for one in found["data"]] if isinstance(found, dict) and "data" in found else []

    def refused(self, what: str, why: str) -> DeployFailed:
        return DeployFailed(
            f"The server at {self.host} refuses {what}: {why}",
            remedy="Its log says more; when that is mended: toolscout train --step deploy",
        )

    def _no_such_api(self, method: str, path: str) -> DeployFailed:
        return DeployFailed(
            f"The server at {self.host} knows no {method} {path}.",
            reason="no_such_api",
            remedy="Set TOOLSCOUT_DEPLOY to the kind of server that it is; docs/training.md says how each is started.",
        )


def said(response: httpx2.Response) -> str:
    """The server's own words for an error, in whichever of the usual places."""
    try:
        found = response.json()
    except ValueError:
        return response.text[:200] or f"status {response.status_code}"
    error = found.get("error", found) if isinstance(found, dict) else found
    words = error.get("message") or error.get("detail") if isinstance(error, dict) else error
    return str(words or found)[:200]
