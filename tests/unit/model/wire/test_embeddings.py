"""Vectors fit their texts, or it is a fault."""

import base64
import json
import struct
from typing import Any

import pytest

from firm.errors import UsageError
from firm.model.target import Model
from firm.model.wire.embeddings import body_of, embeddings_of
from firm.model.wire.fault import Fault, Kind

OWN = Model("http://127.0.0.1:8000/v1", "m")


def packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def answer(*items: tuple[int | None, Any], **more: Any) -> bytes:
    data = [{"index": index, "embedding": vector} for index, vector in items]
    return json.dumps({"data": data, "model": "e", **more}).encode()


def test_texts_are_asked_for_as_a_list() -> None:
    assert json.loads(body_of(["a", "六"], OWN)) == {"model": "m", "input": ["a", "六"]}
    assert json.loads(body_of(("a",), OWN, dimensions=256))["dimensions"] == 256


@pytest.mark.parametrize("texts", [[], "one text"])
def test_no_list_of_texts_is_refused(texts: Any) -> None:
    with pytest.raises(UsageError, match="at least one text"):
        body_of(texts, OWN)


def test_vectors_come_in_the_order_of_their_indexes_as_numbers_or_base64() -> None:
    found = embeddings_of(answer((1, packed(0.5, -1)), (0, [2, 0.25]), usage={"prompt_tokens": 4}), 2)
    assert [list(vector) for vector in found.vectors] == [[2.0, 0.25], [0.5, -1.0]]
    assert (found.usage.input, found.model) == (4, "e")


def test_without_indexes_the_order_counts() -> None:
    found = embeddings_of(answer((None, [1]), (None, [2])), 2)
    assert [list(vector) for vector in found.vectors] == [[1.0], [2.0]]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        answer((0, [1])),
        answer((0, [1]), (0, [2])),
        answer((0, [1]), (2, [2])),
        answer((0, [1]), (None, [2])),
        answer((0, [1]), (1, [2, 3])),
        answer((0, []), (1, [])),
        answer((0, [1]), (1, ["2"])),
        answer((0, [1]), (1, [None])),
        answer((0, [1]), (1, [1e300])),
        answer((0, packed(1)), (1, packed(float("nan")))),
        answer((0, packed(float("inf"))), (1, packed(float("-inf")))),
        answer((0, "AAAA"), (1, "AAAA")),
        answer((0, "no base64!"), (1, packed(1))),
        answer((0, "六"), (1, packed(1))),
    ],
)
def test_vectors_that_do_not_fit_are_a_fault(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        embeddings_of(body, 2)
    assert caught.value.kind is Kind.JUNK


def test_error_is_a_fault_of_its_kind() -> None:
    with pytest.raises(Fault) as caught:
        embeddings_of(b'{"error":{"message":"too long","type":"invalid_request_error"}}', 1)
    assert caught.value.kind is Kind.REQUEST
