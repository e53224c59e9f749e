"""Tools with which an agent notes what it must not forget, and keeps a to-do list that the founder sees.

One rule: nothing outside the run changes, so no rule, label or capability has to be asked (risk 'pure'): an agent that
is bounded to two calls may still write down what came of them.
"""

from firm.agent.notes import NOTED, TodoItem, keep_note, keep_todo
from firm.agent.tool import tool


@tool(risk="pure")
async def note(text: str) -> str:
    """Note something that you must not forget: a decision, a finding, where a file is. You will see it again."""
    keep_note(text)
    return NOTED


@tool(risk="pure")
async def todo(items: list[TodoItem]) -> str:
    """Write your to-do list, all of it: it replaces the one before. The founder sees it, too."""
    kept = keep_todo(items)
    done = sum(item.done for item in kept)
    return f"{done} of {len(kept)} done"


NOTES = (note, todo)
"""Notes to oneself, and a to-do list."""
