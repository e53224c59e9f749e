"""A model's answers to a prompt that is searched for.

One rule: the model sees the prompt with the sample's input in it, and never what is expected.
"""

from collections.abc import Sequence

from firm.errors import UsageError
from firm.kernel.api import gather
from firm.model import ModelError, Reply, Sampling, chat

INPUT = "{input}"
"""Where the sample goes; replaced as it stands, so that other braces mean nothing."""
AT_ONCE = 8
MAX_TOKENS = 512


async def answers(
    prompt: str,
    samples: Sequence[tuple[str, str]] | Sequence[str],
    model: str,
    *,
    max_tokens: int = MAX_TOKENS,
    sampling: Sampling | None = None,
) -> list[Reply | None]:
    """One answer for each sample, in their order; each a call of its own, durable and paid inside a run.

    Args:
        prompt: With `{input}` where the sample goes.
        samples: (input, expected) pairs, or inputs alone.
        model: Name of a model of the firm.
        max_tokens: Bound of each answer.
        sampling: None: as the model's server has it.

    Returns:
        What the model said; None where it refused a sample for good.

    Raises:
        UsageError: the prompt has no `{input}`.
        ModelUnavailable: no server answered in the end.
    """
    if INPUT not in prompt:
        raise UsageError(f"the prompt {prompt[:60]!r} has no {INPUT!r}: say where the sample goes")

    async def answer(said: str) -> Reply | None:
        try:
            return await chat(
                prompt.replace(INPUT, said), model=model, max_tokens=max_tokens, sampling=sampling
            )
        except ModelError:
            return None

    inputs = [sample if isinstance(sample, str) else sample[0] for sample in samples]
    return await gather(*map(answer, inputs), limit=AT_ONCE)
