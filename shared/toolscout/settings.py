"""Every setting, documented once; the only reader of the environment. `.env.example` is checked against this."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

ROOT = Path(__file__).resolve().parents[2]
DAY = 86_400


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _plain_name(name: str) -> AliasChoices:
    """A setting that other programs know without our prefix; code names it by its field."""
    return AliasChoices(name, name.lower())


class Settings(BaseSettings):
    """Read from the environment (`TOOLSCOUT_*`) and from a `.env` file in the working directory."""

    model_config = SettingsConfigDict(
        env_prefix="TOOLSCOUT_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        enable_decoding=False,
        frozen=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Files named like a variable in TOOLSCOUT_SECRETS_DIR come last: containers get passwords that way."""
        folder = os.environ.get("TOOLSCOUT_SECRETS_DIR", "")
        secrets = (SecretsSettingsSource(settings_cls, secrets_dir=folder),) if folder else ()
        return (init_settings, env_settings, dotenv_settings, *secrets)

    data_dir: Path = Field(Path("data"), description="Where the database, raw pages and logs are kept")
    models_dir: Path = Field(ROOT / "models", description="Encoder and adapters")
    host: str = Field("127.0.0.1", description="Address that the gateway binds to")
    port: int = Field(8080, ge=1, le=65535, description="Port of the gateway")
    public_hosts: Annotated[list[str], NoDecode] = Field(
        [], description="Further host names under which visitors reach the gateway, with commas"
    )
    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite in the data directory")
    redis_url: str = Field("", description="Redis of the task queue; empty lets `toolscout up` start its own")
    admin_key: SecretStr = Field(SecretStr(""), description="Sets the admin key; empty means one made at the first run")
    contact: str = Field("", description="URL or e-mail address in the crawler's User-Agent")
    host_delay: float = Field(2.0, ge=0, description="Seconds between two requests to the same host")
    allow_hosts: Annotated[list[str], NoDecode] = Field(
        [],
        description="host:port or CIDR that the address guard lets through, with commas; for intranets and tests",
    )
    rate_limit: str = Field("", description="Requests of one client, e.g. 60/minute; empty: 120/minute off loopback")
    fetch_concurrency: int = Field(32, ge=1, le=256, description="Hosts that one crawler asks at the same time")
    processor_concurrency: int = Field(cores(), ge=1, description="Processor's worker processes; default: one a core")
    batch_size: int = Field(8, ge=1, le=500, description="Pages that one task carries")
    lease_seconds: float = Field(30.0, ge=1, description="How long a silent worker keeps its pages")
    sweep_seconds: float = Field(10.0, ge=0.5, description="How often what stands still is queued again")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_stdout: bool = Field(True, description="Write log events to stdout too")
    index_poll_seconds: float = Field(0.1, gt=0, description="How often a gateway asks the change log")
    no_match_score: float = Field(0.35, description="Below this fused score the gateway says that nothing fits")
    llm: Literal["", "embedded", "external", "off"] = Field(
        "", description="embedded, external or off; empty: external where LLM_API_BASE is set, else embedded"
    )
    llm_api_base: str = Field(
        "",
        validation_alias=_plain_name("LLM_API_BASE"),
        description="OpenAI-compatible endpoint of the stable arm, e.g. http://127.0.0.1:1234/v1 for LM Studio",
    )
    llm_api_key: SecretStr = Field(
        SecretStr(""), validation_alias=_plain_name("LLM_API_KEY"), description="Its key, where it wants one"
    )
    llm_model: str = Field(
        "", validation_alias=_plain_name("LLM_MODEL"), description="Its model; empty: the first one that it lists"
    )
    llm_api_base_new_model: str = Field(
        "",
        validation_alias=_plain_name("LLM_API_BASE_NEW_MODEL"),
        description="Endpoint of the candidate arm; while it is set, one experiment runs",
    )
    llm_api_key_new_model: SecretStr = Field(
        SecretStr(""),
        validation_alias=_plain_name("LLM_API_KEY_NEW_MODEL"),
        description="Its key; empty: the stable arm's",
    )
    llm_model_new_model: str = Field(
        "",
        validation_alias=_plain_name("LLM_MODEL_NEW_MODEL"),
        description="Its model; empty: the first one that it lists",
    )
    llm_prices: Annotated[dict[str, tuple[float, float]], NoDecode] = Field(
        {}, description="US$ per million tokens in/out of models that cost money, e.g. gpt-4o-mini=0.15/0.60,o3=2/8"
    )
    llm_first_token_seconds: float = Field(15.0, gt=0, description="How long a model may take to its first token")
    llm_seconds: float = Field(40.0, gt=0, description="How long one call of a model may take in all")
    llm_concurrency: int = Field(4, ge=1, le=64, description="Pages that one process has described at the same time")
    llm_queue: int = Field(4, ge=0, le=1000, description="Requests that wait in an embedded model's server before 503")
    llm_context: int = Field(
        0, ge=0, description="Tokens that a prompt may have; 0: 350 for the embedded model, 6000 for others"
    )
    support_score: float = Field(
        0.5, ge=0, le=1, description="A sentence stands if its passage supports it at least so much"
    )
    candidate_share: float = Field(
        0.1, ge=0, le=1, description="Share of the sessions that a new experiment's candidate gets"
    )

    recrawl_days: float = Field(7.0, ge=0, description="A page older than this is fetched again by a run that crawls")
    pipeline_days: float = Field(
        7.0, ge=0, description="Days after which a run starts by itself, if anybody rated anything; 0: never"
    )
    pipeline_ratings: int = Field(
        500, ge=0, description="New ratings after which a run starts by itself; 0: however many there are"
    )
    trainer_base: str = Field(
        "",
        description="What the trainer fine-tunes: a hub id or a path; empty: the embedded model, SmolLM2-135M",
    )
    deploy: Literal["", "embedded", "vllm", "llamacpp", "lmstudio", "ollama", "manual"] = Field(
        "", description="How an adapter that passed its gate is served; empty: embedded with that model, else manual"
    )
    deploy_api_base: str = Field("", description="Server that adapters are deployed on; empty: that of LLM_API_BASE")
    deploy_models_dir: str = Field("", description="models/ as that server sees it, where its path is another there")
    gguf_converter: str = Field(
        "", description="llama.cpp's convert_hf_to_gguf.py, for LM Studio and Ollama; empty: looked for on the PATH"
    )
    gate_rows: int = Field(20, ge=2, description="Held-out rows below which nothing can be told of an adapter")
    gate_gain: float = Field(
        0.0, ge=0, le=1, description="Mean gain in score that an adapter needs; its 95% interval must be above 0 anyway"
    )
    gate_worse: float = Field(
        0.02, ge=0, le=1, description="How much worse a guarded figure may be before its interval keeps an adapter back"
    )
    gate_slower: float = Field(2.0, ge=1, description="How many times as long an adapter's replies may take")
    judge_base: str = Field(
        "", description="OpenAI-compatible endpoint of the gate's judge; empty: LLM_API_BASE where it is set, else none"
    )
    judge_key: SecretStr = Field(SecretStr(""), description="Its key, where it wants one")
    judge_model: str = Field("", description="Its model; empty: the first one that it lists, or LLM_MODEL")
    train_session_cap: int = Field(
        20, ge=1, description="Rows of training data that one session may give, so that nobody buys the model"
    )
    train_network_cap: int = Field(
        200, ge=1, description="Rows of training data that one network (/24, /48) may give; loopback is exempt"
    )
    elasticsearch_url: str = Field("", description="Elasticsearch with the log events, for --source elasticsearch")

    @field_validator("public_hosts", "allow_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("llm_prices", mode="before")
    @classmethod
    def _prices(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = (part.rpartition("=") for part in value.split(",") if part.strip())
        return {model.strip(): tuple(map(float, price.split("/"))) for model, _, price in pairs}

    @cached_property
    def db_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'toolscout.db'}"

    @property
    def fetch_batch(self) -> int:
        """Pages that one fetch task carries: enough hosts to keep every slot busy."""
        return max(self.batch_size, self.fetch_concurrency)

    @property
    def broker_url(self) -> str:
        """Redis of the task queue: the one that is set, else the one that `toolscout up` runs, else empty."""
        if self.redis_url:
            return self.redis_url
        try:
            return self.broker_file.read_text().strip()
        except OSError:
            return ""

    @property
    def broker_file(self) -> Path:
        """Where `toolscout up` notes the address (with the password) of its own Redis."""
        return self.run_dir / "redis_url"

    @property
    def llm_mode(self) -> Literal["embedded", "external", "off"]:
        return self.llm or ("external" if self.llm_api_base else "embedded")

    def llm_file(self, arm: str) -> Path:
        """Where an embedded model's server notes its address, for the other processes of this machine."""
        return self.run_dir / f"llm_{arm}"

    @cached_property
    def run_dir(self) -> Path:
        return self.data_dir / "run"

    @cached_property
    def raw_dir(self) -> Path:
        return self.data_dir / "raw_html_storage"

    @cached_property
    def log_dir(self) -> Path:
        return self.data_dir / "logs"

    @cached_property
    def evaluation_dir(self) -> Path:
        """Frozen sets that the gate measures on; none of their queries may be trained on."""
        return self.data_dir / "evaluation"

    @cached_property
    def encoder_dir(self) -> Path:
        return self.models_dir / "encoder"
