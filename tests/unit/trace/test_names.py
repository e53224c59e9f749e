"""The names are those of OpenTelemetry, as its own package for Python has them."""

import pytest

from firm.trace import OPERATIONS, attribute
from firm.units import Usage

NEWER = {
    "gen_ai.usage.cache_write.input_tokens",  # was gen_ai.usage.cache_creation.input_tokens
    "gen_ai.request.reasoning.level",
}
"""In the conventions, not yet in the package: to be removed from here when they are."""
NAMES = {value for name, value in vars(attribute).items() if name.isupper() and not name.startswith("_")}


def conventions() -> set[str]:
    pytest.importorskip("opentelemetry.semconv")
    from opentelemetry.semconv._incubating.attributes import gen_ai_attributes, http_attributes
    from opentelemetry.semconv.attributes import error_attributes, server_attributes

    modules = (gen_ai_attributes, http_attributes, error_attributes, server_attributes)
    return {value for module in modules for value in vars(module).values() if isinstance(value, str)}


def test_names_that_are_not_ours_are_those_of_the_conventions() -> None:
    theirs = {name for name in NAMES if not name.startswith("firm.")}
    assert len(theirs) > 30
    assert theirs - conventions() == NEWER


def test_operations_are_those_of_the_conventions() -> None:
    pytest.importorskip("opentelemetry.semconv")
    from opentelemetry.semconv._incubating.attributes.gen_ai_attributes import GenAiOperationNameValues

    known = {operation.value for operation in GenAiOperationNameValues}
    assert set(OPERATIONS) - known == {"plan"}, "'plan' came later than the package"
    assert set(OPERATIONS.values()) <= NAMES


def test_tokens_are_totals_with_their_parts() -> None:
    found = attribute.of_usage(
        Usage(input=100, cache_read=50, cache_write=7, output=30, reasoning=20, audio=4)
    )
    assert found == {
        "gen_ai.usage.input_tokens": 157,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.cache_read.input_tokens": 50,
        "gen_ai.usage.cache_write.input_tokens": 7,
        "gen_ai.usage.reasoning.output_tokens": 20,
        "firm.usage.audio_tokens": 4,
    }
    assert attribute.of_usage(Usage(image=3))["firm.usage.image_tokens"] == 3
    assert attribute.of_usage(Usage()) == {"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}
