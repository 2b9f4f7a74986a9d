"""What deploys in tests: adapters as the steps before would leave them, and servers that take them.

The servers are doubles: they speak what the documentation of vLLM (docs/features/lora.md) and Ollama (docs/api.md)
says of these calls, and what `lms --help` says of LM Studio's command. None of them is the real one.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolscout.catalogue import Catalogue
from toolscout.settings import Settings

from services.trainer import base_model, steps
from services.trainer.job import Job, run_step
from tests.llm_faults import Handler, LlmServer


def step(settings: Settings, catalogue: Catalogue, name: str, work: Any) -> str:
    run_id = steps.create(catalogue, [name], "test")
    assert run_step(settings, catalogue, run_id, name, work) == "done"
    return run_id


def served_base(folder: Path) -> Path:
    """What TOOLSCOUT_TRAINER_BASE names, as far as an adapter's provenance looks at it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def tuned(settings: Settings, catalogue: Catalogue, name: str = "a1") -> Path:
    """models/adapters/<name> as finetune_model leaves it; files that are there already stay."""
    folder = settings.models_dir / "adapters" / name
    folder.mkdir(parents=True, exist_ok=True)
    content = {"adapter.gguf": b"GGUF", "adapter_config.json": b"{}", "adapter_model.safetensors": b""}
    for file in content.keys() - {one.name for one in folder.iterdir()}:
        (folder / file).write_bytes(content[file])
    (folder / "provenance.json").write_text(json.dumps({"base": base_model.identity(settings)}))

    def work(job: Job) -> None:
        for file in sorted(folder.iterdir()):
            job.note(file)

    step(settings, catalogue, "finetune_model", work)
    return folder


def evaluated(settings: Settings, catalogue: Catalogue, name: str = "a1", passed: bool = True) -> None:
    """The report of the gate, as evaluate leaves it."""
    report = json.dumps({"passed": passed, "adapter": name})
    step(settings, catalogue, "evaluate", lambda job: job.write_text("report.json", report))


class _Handler(Handler):
    """Knows OpenAI's calls alone."""

    def do_POST(self) -> None:
        if self.path.endswith("/chat/completions"):
            super().do_POST()
        else:
            self.json()
            self.send_json(404, {"detail": "Not Found"})

    def json(self) -> dict[str, Any]:
        return json.loads(self.rfile.read(int(self.headers["content-length"])))


class _VllmHandler(_Handler):
    double: Vllm

    def do_POST(self) -> None:
        if not self.path.endswith("_lora_adapter"):
            super().do_POST()
            return
        body = self.json()
        self.double.admin.append((self.path.rpartition("/")[2], body))
        if not self.double.updating:
            self.send_json(404, {"detail": "Not Found"})
        elif self.path == "/v1/load_lora_adapter":
            self._load(body)
        else:
            self._unload(body["lora_name"])

    def _load(self, body: dict[str, Any]) -> None:
        name, path = body["lora_name"], Path(body["lora_path"])
        if name in self.double.models:
            told = f"The lora adapter '{name}' has already been loaded. If you want to load the adapter in place, set"
            self.send_error_body(400, "InvalidUserInput", f"{told} 'load_inplace' to True.")
        elif not (path / "adapter_config.json").exists():
            self.send_error_body(404, "NotFoundError", f"Loading lora {name} failed: No adapter found for {path}")
        elif self.double.refusal_text:
            self.send_error_body(400, "BadRequestError", self.double.refusal_text)
        else:
            self.double.models.append(name)
            self.send_whole(200, f"Success: LoRA adapter '{name}' added successfully.".encode(), "text/plain")

    def _unload(self, name: str) -> None:
        if name not in self.double.models:
            self.send_error_body(404, "NotFoundError", f"The lora adapter '{name}' cannot be found.")
            return
        self.double.models.remove(name)
        self.send_whole(200, f"Success: LoRA adapter '{name}' removed successfully.".encode(), "text/plain")


class _OllamaHandler(_Handler):
    double: Ollama

    def do_GET(self) -> None:
        if self.path == "/api/tags":
            self.send_json(200, {"models": [{"name": f"{name}:latest"} for name in self.double.models]})
        else:
            super().do_GET()

    def do_HEAD(self) -> None:
        self.send_whole(200 if self.path.rpartition("/")[2] in self.double.blobs else 404, b"", "text/plain")

    def do_POST(self) -> None:
        if self.path.startswith("/api/blobs/"):
            self._blob(self.path.rpartition("/")[2])
        elif self.path == "/api/create":
            self._create(self.json())
        else:
            super().do_POST()

    def do_DELETE(self) -> None:
        name = self.json()["model"]
        self.double.deleted.append(name)
        self.double.models.remove(name)
        self.send_whole(200, b"", "text/plain")

    def _blob(self, digest: str) -> None:
        content = self._whole_body()
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
            self.send_json(400, {"error": "digest mismatch"})
            return
        self.double.blobs.add(digest)
        self.send_whole(201, b"", "text/plain")

    def _whole_body(self) -> bytes:
        if "content-length" in self.headers:
            return self.rfile.read(int(self.headers["content-length"]))
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _create(self, body: dict[str, Any]) -> None:
        if not set(body["files"].values()) <= self.double.blobs:
            self.send_json(400, {"error": "blob not found"})
        elif self.double.refusal_text:
            self.send_json(500, {"error": self.double.refusal_text})
        else:
            self.double.models.append(body["model"])
            self.send_json(200, {"status": "success"})


@dataclass
class Double(LlmServer):
    """`models` are the names that it lists and answers to."""

    modes: list[str] = field(default_factory=lambda: ["model_missing"])
    models: list[str] = field(default_factory=lambda: ["base-1"])
    refusal_text: str = ""
    handler: type[Handler] = _Handler

    def __enter__(self) -> Any:
        super().__enter__()
        self._server.RequestHandlerClass = self.handler
        return self

    @property
    def asked_models(self) -> list[str]:
        return [one.body["model"] for one in self.asked]


@dataclass
class Vllm(Double):
    """`updating`: VLLM_ALLOW_RUNTIME_LORA_UPDATING. `admin`: [(load_lora_adapter|unload_lora_adapter, body)]."""

    updating: bool = True
    admin: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    handler: type[Handler] = _VllmHandler


@dataclass
class Ollama(Double):
    blobs: set[str] = field(default_factory=set)
    deleted: list[str] = field(default_factory=list)
    handler: type[Handler] = _OllamaHandler


@dataclass
class LmStudio(Double):
    """Lists what the double of `lms` has loaded; `folder` is that program's."""

    folder: Path = Path()

    @property  # type: ignore[override]
    def models(self) -> list[str]:
        return ["base-1", *json.loads((self.folder / "loaded.json").read_text())]

    @models.setter
    def models(self, value: list[str]) -> None: ...


LMS = """#!{python}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
command, *rest = sys.argv[1:]
with (here / "commands.txt").open("a") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
imported, loaded = (here / f"{{name}}.json" for name in ("imported", "loaded"))
if command == "import":
    if not pathlib.Path(rest[0]).read_bytes().startswith(b"GGUF"):
        sys.exit("Error: not a model file")
    repo = rest[rest.index("--user-repo") + 1]
    imported.write_text(json.dumps([repo]))
elif command == "ls":
    repos = json.loads(imported.read_text())
    print(json.dumps([{{"modelKey": "key-of-it", "path": f"{{repo}}/merged.gguf"}} for repo in repos]))
elif command == "load":
    assert rest[0] == "key-of-it"
    loaded.write_text(json.dumps([*json.loads(loaded.read_text()), rest[rest.index("--identifier") + 1]]))
elif command == "unload":
    loaded.write_text(json.dumps([one for one in json.loads(loaded.read_text()) if one != rest[0]]))
"""


def lms(folder: Path, python: str) -> Path:
    """A double of LM Studio's command; what it was told is in commands.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "loaded.json").write_text("[]")
    program = folder / "lms"
    program.write_text(LMS.format(python=python))
    os.chmod(program, 0o755)  # noqa: PTH101
    return program
