"""One tree of errors: each carries its HTTP status, a stable reason code and what the reader can do about it."""

from __future__ import annotations


class ToolscoutError(Exception):
    """Anything we refuse or cannot do, said so that the reader knows the next step."""

    status = 500
    reason = "internal_error"
    title = "Something went wrong on our side"
    remedy = "Try again; if it stays, look for this trace id in the logs."

    def __init__(self, detail: str = "", *, remedy: str = "", reason: str = "", **extra: object) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.remedy = remedy or self.remedy
        self.reason = reason or self.reason
        self.extra = extra


class InvalidInput(ToolscoutError):
    status, reason, title = 422, "invalid_input", "The request is not of the expected form"
    remedy = "See /docs for the form of this request."


class InvalidUrl(InvalidInput):
    reason, title = "invalid_url", "That is not an address that can be fetched"
    remedy = "Give an absolute http:// or https:// URL."


class AddressForbidden(ToolscoutError):
    status, reason, title = 422, "address_forbidden", "That address is private or reserved"
    remedy = "Give a public address, or have the operator list it in TOOLSCOUT_ALLOW_HOSTS."


class TooLarge(ToolscoutError):
    status, reason, title = 413, "too_large", "The request is too large"
    remedy = "Send less at a time."


class NotFound(ToolscoutError):
    status, reason, title = 404, "not_found", "There is no such thing here"
    remedy = "Check the id."


class AdminKeyNeeded(ToolscoutError):
    status, reason, title = 401, "admin_key_needed", "This needs the admin key"
    remedy = "Send the header `Authorization: Bearer KEY`; `toolscout admin-key --reset` makes a new key."


class Forbidden(ToolscoutError):
    status, reason, title = 403, "forbidden", "This request is not allowed from there"


class RateLimited(ToolscoutError):
    status, reason, title = 429, "rate_limited", "Too many requests"
    remedy = "Wait for the seconds named in Retry-After."


class NotReady(ToolscoutError):
    status, reason, title = 503, "not_ready", "Not ready yet"
    remedy = "Try again in a few seconds."


class Conflict(ToolscoutError):
    status, reason, title = 409, "conflict", "That contradicts what is there"


class ConfigError(ToolscoutError):
    reason, title = "config_error", "A setting cannot be used"


class LostLease(ToolscoutError):
    """Another worker took over this row; what we computed must not be written."""

    status, reason, title = 409, "lost_lease", "Another worker has taken this over"


class FetchError(ToolscoutError):
    """A page could not be fetched; `reason` becomes the reason of its state.

    `permanent` is False where asking again later may help; `retry_after` is in seconds, if the server named it.
    """

    status, reason, title = 502, "fetch_failed", "The page could not be fetched"
    remedy = "Open the URL in a browser; if it works there, try again later."

    def __init__(
        self,
        detail: str = "",
        *,
        reason: str = "",
        permanent: bool = True,
        retry_after: float | None = None,
        http_status: int | None = None,
        remedy: str = "",
    ) -> None:
        super().__init__(detail, reason=reason, remedy=remedy)
        self.permanent = permanent
        self.retry_after = retry_after
        self.http_status = http_status


class LlmError(ToolscoutError):
    """A language model gave nothing that can be used; `reason` is one of

    unreachable, timeout, busy (429 or 503), refused (another 4xx), bad_reply, cut_off, breaker_open.
    """

    status, reason, title = 502, "llm_failed", "The language model gave no usable answer"
    remedy = "`toolscout status` says what is wrong with it."
