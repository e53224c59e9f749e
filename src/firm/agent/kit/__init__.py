"""The kit: tools that most agents want, grouped as one hands them to `Agent(tools=…)`.

One rule: a tool acts in the workspace of the agent that calls it and reaches only what the founder opened; what it
answers says what to do next. `Agent("clerk", tools=[*FILES, *SHELL])` takes two groups.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firm.agent.kit.files import FILES, edit_file, list_files, read_file, search_files, write_file
    from firm.agent.kit.git import GIT, git_commit, git_diff, git_log, git_status
    from firm.agent.kit.http import HTTP, http_get, http_send
    from firm.agent.kit.notes import NOTES, note, todo
    from firm.agent.kit.person import PERSON, ask_person, report_progress
    from firm.agent.kit.search import Folder, Hit, Search, SearxNG, use_search
    from firm.agent.kit.shell import SHELL, run_python
    from firm.agent.kit.sql import SQL, sql_change, sql_query
    from firm.agent.kit.time import TIME, current_time, wait_until
    from firm.agent.kit.web import WEB, read_page, web_search

_PLACES = {
    "files": "FILES list_files read_file write_file edit_file search_files",
    "shell": "SHELL run_python",
    "git": "GIT git_status git_diff git_log git_commit",
    "web": "WEB web_search read_page",
    "search": "Search Hit SearxNG Folder use_search",
    "http": "HTTP http_get http_send",
    "sql": "SQL sql_query sql_change",
    "person": "PERSON ask_person report_progress",
    "time": "TIME current_time wait_until",
    "notes": "NOTES note todo",
}
"""What comes from which module; the tool `shell` only from its own, which has the same name."""
_PLACE = {name: place for place, names in _PLACES.items() for name in names.split()}

__all__ = [
    "FILES", "list_files", "read_file", "write_file", "edit_file", "search_files",
    "SHELL", "run_python",
    "GIT", "git_status", "git_diff", "git_log", "git_commit",
    "WEB", "web_search", "read_page",
    "Search", "Hit", "SearxNG", "Folder", "use_search",
    "HTTP", "http_get", "http_send",
    "SQL", "sql_query", "sql_change",
    "PERSON", "ask_person", "report_progress",
    "TIME", "current_time", "wait_until",
    "NOTES", "note", "todo",
]  # fmt: skip


def __getattr__(name: str) -> object:
    place = _PLACE.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{place}"), name)
