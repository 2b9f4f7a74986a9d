"""Data sets and bases small enough to train on while a test waits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolscout.catalogue import Catalogue
from toolscout.settings import Settings

from services.trainer import steps
from services.trainer.job import Job, run_step

NAMES = ("Zorbo", "Quillo", "Mipsy", "Tarkon", "Bleen", "Vexa", "Norrin", "Plumb")
FIELDS = ("music", "law", "gardens", "photos", "travel", "speech")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def rows(n: int) -> list[dict[str, Any]]:
    """Pages of one sentence, and the JSON that they say."""
    found = []
    for i in range(n):
        name, field = NAMES[i % len(NAMES)], FIELDS[i % len(FIELDS)]
        text = f"{name} {i} is a tool for {field}. It costs {i} dollars."
        prompt = [{"role": "system", "content": "Fill in the form."}, {"role": "user", "content": text}]
        said = f'{{"name": "{name} {i}", "category": "{field}", "price": {i}}}'
        found.append(
            {
                "kind": "extraction",
                "prompt": prompt,
                "completion": [{"role": "assistant", "content": said}],
                "prompt_version": "abc",
                "source": "synthetic" if i % 4 else "feedback",
            }
        )
    return found


def labelled(n: int) -> list[dict[str, Any]]:
    return [row | {"label": i % 2 == 0} for i, row in enumerate(rows(n))]


def data_set(
    settings: Settings,
    catalogue: Catalogue,
    train: Sequence[dict[str, Any]],
    held: Sequence[dict[str, Any]] = (),
    rated: Sequence[dict[str, Any]] = (),
) -> None:
    """As combine_datasets would leave it."""

    def work(job: Job) -> None:
        for name, some in (("sft.train", train), ("sft.validation", held), ("kto.train", rated)):
            job.write_rows(f"{name}.jsonl", some)

    run_id = steps.create(catalogue, ["combine_datasets"], "test")
    assert run_step(settings, catalogue, run_id, "combine_datasets", work) == "done"


def small_base(folder: Path) -> Path:
    """A llama of two layers, random weights and bytes for tokens: a step of training takes milliseconds."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(models.BPE({name: n for n, name in enumerate(special + letters)}, []))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    plain.add_special_tokens(special)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, bos_token=special[1], eos_token=special[2], pad_token=special[2]
    )
    tokenizer.chat_template = TEMPLATE
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
