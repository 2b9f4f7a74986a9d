"""What a person is to do where a driver can't go on by itself, in Markdown, ready to be copied into a shell."""

from __future__ import annotations

from pathlib import Path

from toolscout.adapters import FILE
from toolscout.settings import Settings

from services.trainer.drivers import merge
from services.trainer.drivers.driver import PREFIX

IMAGE = "ghcr.io/ggml-org/llama.cpp:full"
AGAIN = "Then, so that it is tried and becomes the candidate:\n\n```sh\ntoolscout train --step deploy\n```\n"


def llamacpp(adapter: Path, settings: Settings) -> str:
    """A server that has read this LoRA."""
    return f"""# Deploy {adapter.name} on llama.cpp

llama-server reads adapters when it starts. Start the candidate's again with this one, beside what it has now: the
same model as stable's, another port, `--lora` with

```sh
llama-server -m MODEL.gguf --port 8082 --ctx-size 16384 --parallel 2 --jinja \\
  --lora {adapter.absolute() / FILE}
```

and have `TOOLSCOUT_DEPLOY_API_BASE` name that server (now: `{settings.deploy_api_base or "not set"}`). {AGAIN}"""


def convert(adapter: Path, settings: Settings) -> str:
    """The merged weights are there, and llama.cpp's converter is not."""
    return f"""# Deploy {adapter.name}: make the GGUF

The merged weights are in `{_weights(adapter)}`; llama.cpp's `{merge.CONVERTER}` is not on the PATH, and
`TOOLSCOUT_GGUF_CONVERTER` does not name it. It is in an image, too:

{_conversion(adapter, settings)}
{AGAIN}"""


def lmstudio(adapter: Path, name: str, file: Path | None, settings: Settings) -> str:
    """What `lms` would have been told."""
    first = "" if file else f"Make the GGUF of the merged weights:\n\n{_conversion(adapter, settings)}\n"
    return f"""# Deploy {adapter.name} on LM Studio

{first}On the machine of LM Studio, with that file:

```sh
lms import {adapter.absolute() / merge.FILE} --user-repo toolscout/{name} -y --copy
lms ls
lms load KEY --identifier {name} --context-length 8192
```

where KEY is what `lms ls` shows for toolscout/{name}. {AGAIN}"""


def manual(adapter: Path, settings: Settings) -> str:
    """One section for each kind of server."""
    name = f"{PREFIX}{adapter.name}"
    return f"""# Deploy {adapter.name} by hand

Nothing has been switched. `TOOLSCOUT_DEPLOY` set to vllm, llamacpp, lmstudio or ollama does the same by itself.

## vLLM, started with `--enable-lora` and `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True`

```sh
curl -X POST http://127.0.0.1:8000/v1/load_lora_adapter -H 'Content-Type: application/json' \\
  -d '{{"lora_name": "{name}", "lora_path": "{adapter.absolute()}"}}'
```

## llama.cpp: a second server, beside stable's

```sh
llama-server -m MODEL.gguf --alias {name} --port 8082 --ctx-size 16384 --parallel 2 --jinja \\
  --lora {adapter.absolute() / FILE}
```

## LM Studio and Ollama: they take no LoRA

Merge it into the weights (in an environment with torch and peft):

```sh
python -c "from transformers import AutoModelForCausalLM as M, AutoTokenizer as T; from peft import PeftModel as P; \\
  b, a, o = '{settings.trainer_base or "BASE"}', '{adapter.absolute()}', '{_weights(adapter)}'; \\
  P.from_pretrained(M.from_pretrained(b, dtype='auto'), a).merge_and_unload().save_pretrained(o); \\
  T.from_pretrained(b).save_pretrained(o)"
```

{_conversion(adapter, settings)}
For LM Studio:

```sh
lms import {adapter.absolute() / merge.FILE} --user-repo toolscout/{name} -y --copy
lms load KEY --identifier {name} --context-length 8192
```

For Ollama:

```sh
echo "FROM {adapter.absolute() / merge.FILE}" > Modelfile && ollama create {name} -f Modelfile
```

## The candidate

```sh
LLM_API_BASE_NEW_MODEL=ADDRESS/v1
LLM_MODEL_NEW_MODEL={name}
```

in `.env`, and start `toolscout up` again: an experiment opens. `toolscout status` says whether the model can be used.
"""


def _conversion(adapter: Path, settings: Settings) -> str:
    return f"""```sh
docker run --rm -v {settings.models_dir.absolute()}:/models {IMAGE} --convert \\
  /models/adapters/{adapter.name}/{merge.WEIGHTS} --outfile /models/adapters/{adapter.name}/{merge.FILE} --outtype f16
```
"""


def _weights(adapter: Path) -> Path:
    return adapter.absolute() / merge.WEIGHTS
