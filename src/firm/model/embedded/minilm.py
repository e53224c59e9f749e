"""Sentence embeddings: all-MiniLM-L6-v2, run by numpy.

One rule: the same vectors as the published model, whatever else is in the batch. English; other languages come out
as noise. It computes in the caller's thread: on an event loop call it with `asyncio.to_thread`.

Source: Wang et al., "MiniLM", arXiv:2002.10957; Reimers and Gurevych, "Sentence-BERT", arXiv:1908.10084.
"""

import json
import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from firm.errors import UsageError
from firm.model.embedded import store
from firm.model.embedded.catalogue import EMBEDDING, find
from firm.model.embedded.error import NotInstalled, WeightsError
from firm.model.embedded.wordpiece import WordPiece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

DIMENSIONS = 384
"""Length of a vector."""

MAX_TOKENS = 256
"""What is longer is cut off; the model was trained with no more."""

LAYERS, HEADS, EPSILON = 6, 12, 1e-12

BATCH_TOKENS = 2_048
"""Texts are computed together up to so many tokens."""


class MiniLM:
    """The model in memory; 91 MB, of which only what is used is read.

    Args:
        weights: The file of the weights; None: that which was pulled.
        vocabulary: The file of the vocabulary; None: that which was pulled.

    Raises:
        NotPulled: the files are not on this machine.
        NotInstalled: numpy is not installed.
        WeightsError: the file is damaged.
    """

    def __init__(self, weights: Path | None = None, vocabulary: Path | None = None) -> None:
        try:
            import numpy
        except ImportError as error:
            raise NotInstalled(
                "sentence embeddings need numpy, which is not installed; run: pip install numpy"
            ) from error
        self._numpy = numpy
        entry = find(EMBEDDING)
        if weights is None or vocabulary is None:
            store.weights(entry)
        self._tensors = self._read(weights or store.place(entry.files[0]))
        self._tokens = WordPiece.read(vocabulary or store.place(entry.files[1]))

    def _read(self, path: Path) -> "dict[str, Array]":
        """The tensors of a safetensors file, mapped and not copied."""
        try:
            with path.open("rb") as stream:
                data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            begin = 8 + int.from_bytes(data[:8], "little")
            about = json.loads(data[8:begin])
            about.pop("__metadata__", None)
            return {
                name: self._numpy.frombuffer(
                    data,
                    "<f4",
                    (at["data_offsets"][1] - at["data_offsets"][0]) // 4,
                    begin + at["data_offsets"][0],
                ).reshape(at["shape"])
                for name, at in about.items()
                if at["dtype"] == "F32"
            }
        except (ValueError, KeyError, OSError) as error:
            raise WeightsError(
                f"the weights in {str(path)!r} cannot be read ({error}); run: firm models remove {EMBEDDING}, "
                f"then: firm models pull {EMBEDDING}"
            ) from error

    def embed(self, texts: Sequence[str]) -> "Array":
        """One vector of length 1 for each text: an array [len(texts), 384] of float32.

        The cosine of two texts is the dot product of their vectors. A text of more than 256 tokens is cut off.

        Raises:
            UsageError: it was given one string, or something that is no string.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise UsageError(f"embed({texts!r:.80}): give a list of strings")
        rows = [self._tokens.ids(text, limit=MAX_TOKENS) for text in texts]
        order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
        found = self._numpy.zeros((len(rows), DIMENSIONS), self._numpy.float32)
        begin = 0
        while begin < len(order):
            end = begin + 1
            while end < len(order) and (end + 1 - begin) * len(rows[order[end]]) <= BATCH_TOKENS:
                end += 1
            chosen = order[begin:end]
            found[chosen] = self._batch([rows[number] for number in chosen])
            begin = end
        return found

    def count(self, texts: Sequence[str]) -> int:
        """How many tokens of the texts are read; the ends of each count."""
        return sum([len(self._tokens.ids(text, limit=MAX_TOKENS)) for text in texts])

    def _batch(self, rows: list[list[int]]) -> "Array":
        np = self._numpy
        longest = max(map(len, rows))
        ids = np.zeros((len(rows), longest), np.int64)
        mask = np.zeros((len(rows), longest), np.float32)
        for number, row in enumerate(rows):
            ids[number, : len(row)], mask[number, : len(row)] = row, 1
        get = self._tensors.__getitem__
        hidden = get("embeddings.word_embeddings.weight")[ids]
        hidden += get("embeddings.position_embeddings.weight")[:longest]
        hidden += get("embeddings.token_type_embeddings.weight")[0]
        hidden = self._normed(hidden, "embeddings.LayerNorm")
        hidden_away = (1 - mask)[:, None, None, :] * np.float32(-1e9)
        for layer in range(LAYERS):
            hidden = self._layer(hidden, f"encoder.layer.{layer}", hidden_away)
        mean: Array = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        mean /= np.sqrt((mean * mean).sum(1, keepdims=True))
        return mean

    def _layer(self, hidden: "Array", name: str, hidden_away: "Array") -> "Array":
        """Attention, then two dense layers; each added to what came in."""
        got = self._attention(hidden, f"{name}.attention.self", hidden_away)
        got = self._dense(got, f"{name}.attention.output.dense")
        got += hidden
        hidden = self._normed(got, f"{name}.attention.output.LayerNorm")
        got = self._gelu(self._dense(hidden, f"{name}.intermediate.dense"))
        got = self._dense(got, f"{name}.output.dense")
        got += hidden
        return self._normed(got, f"{name}.output.LayerNorm")

    def _attention(self, hidden: "Array", name: str, hidden_away: "Array") -> "Array":
        np = self._numpy
        count, length, _ = hidden.shape
        query, key, value = (
            self._dense(hidden, f"{name}.{part}").reshape(count, length, HEADS, -1).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2)
        scores *= np.float32((DIMENSIONS // HEADS) ** -0.5)
        scores += hidden_away
        scores -= scores.max(-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(-1, keepdims=True)
        heads: Array = np.matmul(scores, value)
        return heads.transpose(0, 2, 1, 3).reshape(count, length, DIMENSIONS)

    def _dense(self, hidden: "Array", name: str) -> "Array":
        weight = self._tensors[f"{name}.weight"]
        flat = hidden.reshape(-1, hidden.shape[-1]) @ weight.T
        flat += self._tensors[f"{name}.bias"]
        return flat.reshape(*hidden.shape[:-1], -1)

    def _normed(self, hidden: "Array", name: str) -> "Array":
        np = self._numpy
        hidden = hidden - hidden.mean(-1, keepdims=True)
        hidden /= np.sqrt((hidden * hidden).mean(-1, keepdims=True) + np.float32(EPSILON))
        hidden *= self._tensors[f"{name}.weight"]
        hidden += self._tensors[f"{name}.bias"]
        return hidden

    def _gelu(self, x: "Array") -> "Array":
        """x·Φ(x), with erf to 1.5e-7 (Abramowitz and Stegun 7.1.26)."""
        np = self._numpy
        size = np.abs(x)
        size *= np.float32(0.7071067811865476)
        t = 1 / (1 + np.float32(0.3275911) * size)
        poly = t * np.float32(1.061405429)
        for term in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
            poly += np.float32(term)
            poly *= t
        np.multiply(size, -size, out=size)
        np.exp(size, out=size)
        poly *= size  # 1 - erf(|x|/√2)
        tail = np.float32(0.5) * x * poly
        whole: Array = np.where(x >= 0, x - tail, tail)
        return whole
