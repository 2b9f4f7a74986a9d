"""How an adapter of the language model gets onto the server that visitors' answers come from: one driver a server."""

from __future__ import annotations

from toolscout.errors import ConfigError
from toolscout.settings import Settings

from services.trainer.drivers.driver import Deployed, Driver
from services.trainer.drivers.embedded import Embedded
from services.trainer.drivers.llamacpp import LlamaCpp
from services.trainer.drivers.lmstudio import LmStudio
from services.trainer.drivers.manual import Manual
from services.trainer.drivers.ollama import Ollama
from services.trainer.drivers.vllm import Vllm

# What a person is to do where a driver can't.
STEPS = "steps.md"

__all__ = ["Deployed", "Driver", "driver_of"]

DRIVERS: dict[str, type[Driver]] = {
    "embedded": Embedded,
    "vllm": Vllm,
    "llamacpp": LlamaCpp,
    "ollama": Ollama,
    "lmstudio": LmStudio,
    "manual": Manual,
}


def driver_of(settings: Settings) -> Driver:
    """The driver that TOOLSCOUT_DEPLOY names. Raises ConfigError where it has no server to work on."""
    mode = settings.llm_mode
    name = settings.deploy or ("embedded" if mode == "embedded" else "manual")
    needed = {"embedded": "embedded", "manual": mode}.get(name, "external")
    if mode != needed:
        raise ConfigError(
            f"TOOLSCOUT_DEPLOY is {name}, and the language model is {mode}.",
            reason="driver_unfit",
            remedy="Unset TOOLSCOUT_DEPLOY, or set LLM_API_BASE to that server.",
        )
    return DRIVERS[name](settings)
