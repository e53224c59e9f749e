"""Which version of a workflow's file this process has loaded.

One rule: another process may start a workflow here only if both have loaded the same file.
"""

import os
from pathlib import Path

from firm.errors import UsageError
from firm.kernel.code import load
from firm.kernel.definition import WorkflowDef, workflow_of


def find_version(reference: str, code: str) -> WorkflowDef:
    """The workflow behind a reference, if its file is the one with the hash `code`.

    Raises:
        UsageError: it cannot be found here, or another version of it is loaded.
    """
    try:
        definition = workflow_of(load(reference))
    except UsageError as error:
        raise UsageError(
            f"{error} (so says process {os.getpid()}, which owns the home and works in {str(Path.cwd())!r}); "
            "stop it with `firm stop` and start the run again, or start it from there"
        ) from None
    if definition.code != code:
        file = definition.function.__code__.co_filename
        raise UsageError(
            f"process {os.getpid()}, which owns the home, has loaded another version of {file!r}: the file was "
            "changed since; stop it (`firm stop`; its runs are parked) and start the run again"
        )
    return definition
