"""Results of tools as a model reads them.

One rule: a model never reads more of one result than `MAX_SHOWN_CHARS`; what is longer stands whole in a file of the
workspace, to be paged through.
"""

import os
import secrets
from typing import Any

import msgspec

from firm.agent.workspace import Workspace, workspace_here
from firm.errors import UsageError
from firm.ids import digest
from firm.kernel import step
from firm.kernel.context import StepInfo, current
from firm.model.parse import clean

MAX_SHOWN_CHARS = 16_000
"""Of one result."""
HEAD_CHARS = 6_000
TAIL_CHARS = 2_000
FOLDER = "results"
"""In the workspace, where long results are."""


class FailedCall(Exception):
    """A call that cannot even be made; the message is for the model."""


def shown(value: Any) -> tuple[str, str]:
    """A result as text; where it is long, head and tail with '{path}' in between, and the whole."""
    text = clean(value) if isinstance(value, str) else _as_json(value)
    if len(text) <= MAX_SHOWN_CHARS:
        return text, ""
    left = len(text) - HEAD_CHARS - TAIL_CHARS
    note = f"[{left:,} of {len(text):,} characters are left out here; {{path}}]"
    head = text[:HEAD_CHARS].replace("{path}", "{ path }")
    return f"{head}\n{note}\n{text[-TAIL_CHARS:].replace('{path}', '{ path }')}", text


def _as_json(value: Any) -> str:
    if value is None:
        return "(done; there is no result)"
    try:
        return msgspec.json.encode(value, enc_hook=_plain).decode()
    except (TypeError, ValueError, NotImplementedError):
        return clean(repr(value))


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json")
    if isinstance(value, complex):
        return str(value)
    raise NotImplementedError


@step
async def keep_result(name: str, text: str) -> str:
    """Put a long result into a new file of the workspace, which other agents may share; the file's path there."""
    here, path = workspace_here(), f"{FOLDER}/{name}"
    if _is_there(here, path):
        step_here = current.get()
        draw = digest(step_here.key)[:8] if isinstance(step_here, StepInfo) else secrets.token_hex(4)
        path = f"{FOLDER}/{name.removesuffix('.txt')}-{draw}.txt"
    here.write(path, text.encode())
    return path


def _is_there(here: Workspace, path: str) -> bool:
    try:
        return os.path.lexists(here.resolve(path))
    except UsageError:  # not even its folder; or it leads out, which writing says
        return False
