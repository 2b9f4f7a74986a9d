"""The real encoder: text to vectors."""

import hashlib
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from toolscout.encoder import DIM, Encoder, pack, unpack
from toolscout.errors import ConfigError
from toolscout.settings import ROOT

DIRECTORY = ROOT / "models" / "encoder"
TEXTS = ["a cat", "", "🎉🎉", "이미지를 만드는 도구", "word " * 10_000, "an image generator with an API", "\x00 \t"]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(DIRECTORY)


def test_the_files_are_those_of_the_checksums() -> None:
    for line in (DIRECTORY / "SHA256SUMS").read_text().splitlines():
        checksum, name = line.split()
        assert hashlib.sha256((DIRECTORY / name).read_bytes()).hexdigest() == checksum


def test_vectors_have_length_one(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), DIM)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, DIM)


def test_rows_follow_the_texts(encoder: Encoder) -> None:
    # int8 scales by what is in a batch, so company changes a vector a little (docs/decisions/0003): rows must be
    # each text's own, not equal to the last bit.
    texts = [text for text in TEXTS if text.strip("\x00 \t")]
    there, back = encoder.encode(texts), encoder.encode(texts[::-1])[::-1]
    alone = np.stack([encoder.encode([text])[0] for text in texts])
    for vectors in (there, back):
        assert ((vectors @ alone.T).argmax(axis=1) == np.arange(len(texts))).all()
        assert (vectors * alone).sum(axis=1).min() > 0.95


def test_like_texts_are_near(encoder: Encoder) -> None:
    cat, feline, invoice = encoder.encode(["A picture of a cat", "Photos of kittens", "Pay the invoice by Friday"])
    assert cat @ feline > cat @ invoice + 0.3


def test_what_lies_beyond_256_tokens_is_not_read(encoder: Encoder) -> None:
    long = "word " * 300
    assert np.allclose(encoder.encode([long])[0], encoder.encode([long + "and an end"])[0])


def test_a_query_is_remembered(encoder: Encoder) -> None:
    first = encoder.encode_query("remember me")
    assert first.shape == (DIM,)
    assert encoder.encode_query("remember me") is first
    assert np.allclose(first, encoder.encode(["remember me"])[0])


def test_packed_vectors_come_back(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    packed = pack(vectors)
    assert {len(row) for row in packed} == {2 * DIM}
    assert np.allclose(unpack(packed), vectors, atol=1e-3)
    assert pack(unpack(packed)) == packed
    assert unpack([]).shape == (0, DIM)


def test_the_sha_names_both_files(encoder: Encoder, tmp_path: Path) -> None:
    for name in ("model.onnx", "tokenizer.json"):
        (tmp_path / name).write_bytes((DIRECTORY / name).read_bytes())
    assert Encoder(tmp_path).sha == encoder.sha
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    assert Encoder(tmp_path).sha != encoder.sha


def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        Encoder(tmp_path).encode(["a"])
    assert "make encoder" in error.value.remedy


def test_it_may_be_made_before_a_fork() -> None:
    encoder = Encoder(DIRECTORY)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=lambda: queue.put(encoder.encode(["a cat"]).tolist()))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert np.allclose(queue.get(), encoder.encode(["a cat"]), atol=1e-5)
