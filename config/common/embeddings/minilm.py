"""Embeddings by all-MiniLM-L6-v2 on this machine, with numpy alone.

The model (https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2, read 2026-11-23) is a
BERT of 6 layers, 12 heads and 384 dimensions; a text's vector is the mean over its tokens, scaled
to unit length. Text is lower-cased by the tokenizer, so upper-case text gives the same vector.
"""

import threading
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.common.embeddings.tokenizer import Tokenizer
from config.common.embeddings.weights import model_folder, read_tensors

EMBEDDING_DIM = 384
MAX_TOKENS = 256
"""The window the model was tuned with; the end of a longer text is not read."""

_HEADS = 12
_HEAD_DIM = EMBEDDING_DIM // _HEADS
_LAYERS = 6
_NORM_EPSILON = 1e-12
_BATCH_TOKENS = 1024
"""Measured on 2 cores: from 512 to 2048 tokens the speed is the same, above it memory counts."""

# tanh(x (a + b x² + c x⁴)) for erf(x / √2), fitted over |x| <= 5.2 to the least largest error of
# GELU: 2.5e-5. Beyond |x| = 5 the polynomial is continued with x² = 25, where tanh is 1.
_ERF_A, _ERF_B, _ERF_C = 0.7975078824889963, 0.03700564756457073, -0.0003515170266205417

Floats = NDArray[np.float32]


class _Layer(NamedTuple):
    """Weights of one layer, input side first: `x @ weight + bias`."""

    qkv: Floats
    qkv_bias: Floats
    out: Floats
    out_bias: Floats
    out_norm: tuple[Floats, Floats]
    up: Floats
    up_bias: Floats
    down: Floats
    down_bias: Floats
    down_norm: tuple[Floats, Floats]


class MiniLM:
    """The loaded model; read-only after its creation, so threads may share it."""

    def __init__(self, folder: Path) -> None:
        """Map the weights of `folder`; about 11 MB are copied, the rest is read when used."""
        tensors = read_tensors(folder / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(folder / "vocab.txt")
        self._words = tensors["embeddings.word_embeddings.weight"]
        # Every text is one segment, so the segment vector is part of the position.
        self._positions = (
            tensors["embeddings.position_embeddings.weight"]
            + tensors["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _norm(tensors, "embeddings.LayerNorm")
        self._layers = [_layer(tensors, f"encoder.layer.{number}.") for number in range(_LAYERS)]

    def embed(self, texts: Sequence[str]) -> Floats:
        """Return one unit vector per text, in the order of `texts`: (len(texts), 384)."""
        encoded = [self.tokenizer.ids(text, max_tokens=MAX_TOKENS) for text in texts]
        vectors = np.empty((len(texts), EMBEDDING_DIM), dtype=np.float32)
        # Texts of one length share the attention step, so they are taken together.
        order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
        for batch in _batches(order, encoded):
            vectors[batch] = self._forward([encoded[index] for index in batch])
        return vectors

    def _forward(self, batch: Sequence[Sequence[int]]) -> Floats:
        """Run the model over texts laid end to end: no padding, so nothing leaks between them."""
        lengths = [len(ids) for ids in batch]
        bounds = np.concatenate(([0], np.cumsum(lengths)))
        places = np.concatenate([np.arange(length) for length in lengths])
        flat = np.concatenate([np.asarray(ids) for ids in batch])
        hidden = self._words[flat] + self._positions[places]
        _normalise(hidden, self._norm)
        groups = list(_equal_lengths(lengths))
        for layer in self._layers:
            hidden = _apply(layer, hidden, groups)
        pooled = np.add.reduceat(hidden, bounds[:-1], axis=0)
        pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
        return pooled


@cache
def _load() -> MiniLM:
    return MiniLM(model_folder())


_loading = threading.Lock()


def model() -> MiniLM:
    """Return the model of this process; the first call maps the weights (about 0.1 s).

    Raises:
        EmbeddingModelMissing: The weights are not installed.
    """
    with _loading:
        return _load()


def embed(texts: Sequence[str]) -> Floats:
    """Embed `texts`: (len(texts), 384) unit vectors of 32-bit floats, in the order of `texts`.

    A text's vector does not depend on the texts beside it, up to rounding (1e-6). About 20 million
    multiplications per token; call it in a thread from async code.

    Raises:
        EmbeddingModelMissing: The weights are not installed.
    """
    if not texts:
        return np.empty((0, EMBEDDING_DIM), dtype=np.float32)
    return model().embed(texts)


def _layer(tensors: dict[str, Floats], prefix: str) -> _Layer:
    def of(name: str) -> Floats:
        return tensors[prefix + name]

    parts = [f"attention.self.{part}" for part in ("query", "key", "value")]
    qkv = np.concatenate([of(f"{part}.weight") for part in parts]).T
    qkv_bias = np.concatenate([of(f"{part}.bias") for part in parts])
    # The scale of the scores, 1/√32, is put into the queries once.
    scale = np.ones(3 * EMBEDDING_DIM, dtype=np.float32)
    scale[:EMBEDDING_DIM] = _HEAD_DIM**-0.5
    return _Layer(
        qkv=np.ascontiguousarray(qkv * scale),
        qkv_bias=qkv_bias * scale,
        out=of("attention.output.dense.weight").T,
        out_bias=of("attention.output.dense.bias"),
        out_norm=_norm(tensors, prefix + "attention.output.LayerNorm"),
        up=of("intermediate.dense.weight").T,
        up_bias=of("intermediate.dense.bias"),
        down=of("output.dense.weight").T,
        down_bias=of("output.dense.bias"),
        down_norm=_norm(tensors, prefix + "output.LayerNorm"),
    )


def _norm(tensors: dict[str, Floats], name: str) -> tuple[Floats, Floats]:
    return tensors[f"{name}.weight"], tensors[f"{name}.bias"]


def _apply(layer: _Layer, hidden: Floats, groups: Sequence[tuple[int, int, int]]) -> Floats:
    """Apply one layer to `hidden`: (tokens, 384); `groups` as `_equal_lengths` gives them."""
    qkv = hidden @ layer.qkv
    qkv += layer.qkv_bias
    context = np.empty_like(hidden)
    for begin, texts, length in groups:
        rows = slice(begin, begin + texts * length)
        shaped = qkv[rows].reshape(texts, length, 3, _HEADS, _HEAD_DIM).transpose(2, 0, 3, 1, 4)
        query, key, value = np.ascontiguousarray(shaped)
        scores = query @ key.swapaxes(-1, -2)
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        mixed = scores @ value
        mixed /= scores.sum(axis=-1, keepdims=True)
        context[rows] = mixed.transpose(0, 2, 1, 3).reshape(texts * length, EMBEDDING_DIM)
    attended: Floats = context @ layer.out
    attended += layer.out_bias
    attended += hidden
    _normalise(attended, layer.out_norm)
    inner: Floats = attended @ layer.up
    inner += layer.up_bias
    _gelu(inner)
    result: Floats = inner @ layer.down
    result += layer.down_bias
    result += attended
    _normalise(result, layer.down_norm)
    return result


def _gelu(x: Floats) -> None:
    """Apply x Φ(x) in place; the largest error is 2.5e-5."""
    square = np.minimum(x * x, np.float32(25))
    inner = square * np.float32(_ERF_C)
    inner += np.float32(_ERF_B)
    inner *= square
    inner += np.float32(_ERF_A)
    inner *= x
    np.tanh(inner, out=inner)
    inner += np.float32(1)
    x *= np.float32(0.5)
    x *= inner


def _normalise(x: Floats, norm: tuple[Floats, Floats]) -> None:
    """Normalise every row of `x` in place."""
    x -= x.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", x, x)[:, None] / np.float32(x.shape[1])
    x /= np.sqrt(variance + np.float32(_NORM_EPSILON))
    x *= norm[0]
    x += norm[1]


def _batches(order: Sequence[int], encoded: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield the indices of `order` in groups of at most `_BATCH_TOKENS` tokens."""
    batch: list[int] = []
    tokens = 0
    for index in order:
        if batch and tokens + len(encoded[index]) > _BATCH_TOKENS:
            yield batch
            batch, tokens = [], 0
        batch.append(index)
        tokens += len(encoded[index])
    if batch:
        yield batch


def _equal_lengths(lengths: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield (first row, number of texts, tokens per text) for neighbours of one length."""
    changes = [index for index in range(1, len(lengths)) if lengths[index] != lengths[index - 1]]
    row = 0
    for first, after in pairwise([0, *changes, len(lengths)]):
        texts, length = after - first, lengths[first]
        yield row, texts, length
        row += texts * length
