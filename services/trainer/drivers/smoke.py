"""The question that an adapter must answer before any visitor's: a sentence, and a filled-in form."""

from __future__ import annotations

import asyncio

from toolscout.endpoints import Endpoint
from toolscout.errors import LlmError
from toolscout.llm import Client
from toolscout.probe import ASKED, EMBEDDED_TOKENS, TOKENS, Colour
from toolscout.settings import Settings

from services.trainer.drivers.driver import DeployFailed

QUESTION = [{"role": "user", "content": "What is a search engine? Answer in one sentence."}]
# Nobody waits here, and a server may have to read the model from its disk first.
PATIENCE_S = 180.0


def ask(where: Endpoint, settings: Settings) -> None:
    """Raises DeployFailed where the model is not there, says nothing, or can't fill in a form."""
    patient = settings.model_copy(update={"llm_first_token_seconds": PATIENCE_S, "llm_seconds": PATIENCE_S})
    try:
        asyncio.run(_ask(where, patient))
    except LlmError as error:
        raise DeployFailed(
            f"{where.model or 'The model'} was loaded, but does not answer: {error.detail}",
            reason="smoke_test_failed",
            remedy="See what its server says, and then: toolscout train --step deploy",
        ) from error


async def _ask(where: Endpoint, settings: Settings) -> None:
    client = Client(where, settings)
    tokens = EMBEDDED_TOKENS if where.embedded else TOKENS
    try:
        await client.text(QUESTION, purpose="probe", max_tokens=tokens)
        await client.structured(ASKED, Colour, purpose="probe", max_tokens=tokens)
    finally:
        await client.close()
