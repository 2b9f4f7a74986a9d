"""One call of a language model: what is asked, what is known of it as it goes, and the event that tells of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pydantic

from toolscout.errors import LlmError
from toolscout.events import LlmCalled
from toolscout.replies import Reply, Usage, estimated_tokens
from toolscout.settings import Settings

Message = dict[str, str]


@dataclass(slots=True)
class Call:
    """What is known of a call, filled in as it goes; times in ms from its start. A call that failed has no usage."""

    usage: Usage | None = None
    first_token_ms: float | None = None
    duration_ms: float | None = None
    model: str = ""
    attempts: int = 1


@dataclass(slots=True)
class Ask:
    """What is asked and how far it is; times in seconds of the event loop's clock, 0 for not yet."""

    messages: list[Message]
    purpose: str
    max_tokens: int
    temperature: float
    call: Call
    form: type[pydantic.BaseModel] | None = None
    start: float = 0.0
    began: float = 0.0
    sent: frozenset[str] = frozenset()
    accepted: bool = False
    renamed: bool = False
    reply: Reply = field(default_factory=lambda: Reply(0))

    def usage(self) -> Usage:
        """As the server counted, else estimated; nothing where it took nothing."""
        if self.reply.usage or not self.accepted:
            return self.reply.usage or Usage(0, 0, estimated=True)
        asked = sum(estimated_tokens(message["content"]) for message in self.messages)
        # Thoughts are paid for too.
        return Usage(asked, max(estimated_tokens(self.reply.text), self.reply.chars // 4), estimated=True)

    def event(self, arm: str, settings: Settings, outcome: str, failed: LlmError | None, now: float) -> LlmCalled:
        """`failed` is what went wrong, if anything did."""
        usage = self.usage()
        price = settings.llm_prices.get(self.call.model)
        seconds = now - self.began if self.began else 0.0
        return LlmCalled(
            outcome=outcome,
            reason=failed.reason if failed else None,
            error=failed.detail if failed and outcome == "failure" else None,
            model=self.call.model or None,
            arm=arm,
            purpose=self.purpose,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            tokens_estimated=usage.estimated,
            cost_usd=(usage.tokens_in * price[0] + usage.tokens_out * price[1]) / 1e6 if price else None,
            first_token_ms=self.call.first_token_ms,
            # The rate of so short a reply would say nothing.
            tokens_per_second=usage.tokens_out / seconds if seconds > 0.001 else None,
            attempts=self.call.attempts,
            duration_ms=self.call.duration_ms,
        )


def with_words(messages: list[Message], words: str) -> list[Message]:
    """The messages with further words at the end of the last one."""
    *before, last = messages
    return [*before, {**last, "content": f"{last['content']}\n\n{words}"}]
