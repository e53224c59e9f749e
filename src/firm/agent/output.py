"""What an agent's answer has to be, and how it is read from what a model says.

One rule: an answer counts only if it is of the declared type; words are read as one where that is what is in them.
"""

from typing import Any

from firm.errors import UsageError
from firm.model.request import Tool
from firm.model.schema import Mismatch, Shape, shape_of

FINAL = "final_answer"
"""Name of the tool with which an agent that has tools gives a typed answer."""


class Output:
    """Of one agent.

    Args:
        kind: `str` for words; a Struct, dataclass, pydantic model or builtin types; None: nothing is asked for.
        agent: Name of the agent, for errors.

    Raises:
        UsageError: a type that JSON cannot say.
    """

    __slots__ = ("_shape", "kind")

    def __init__(self, kind: Any, agent: str) -> None:
        self.kind = kind
        self._shape: Shape | None = None
        if kind is str:
            return
        try:
            self._shape = shape_of(kind)
        except UsageError as error:
            raise UsageError(f"Agent({agent!r}, output={kind!r}): {error}") from None

    @property
    def is_text(self) -> bool:
        """Whether words are the answer."""
        return self._shape is None

    @property
    def json_schema(self) -> dict[str, Any] | None:
        """What a server is asked for; None for words."""
        return None if self._shape is None else self._shape.json_schema

    def tool(self) -> Tool:
        """The tool that gives the answer."""
        assert self._shape is not None
        words = "Give the answer, when you have it. This ends your work."
        return Tool(FINAL, words, self._shape.json_schema)

    def read(self, text: str) -> Any:
        """The answer that a text holds.

        Raises:
            Mismatch: it holds none of the declared type.
        """
        return text if self._shape is None else self._shape.decode(text)


__all__ = ["FINAL", "Mismatch", "Output"]
