"""Puts secrets into a call after the gate has let it pass, and strikes them out of what comes back.

One rule: outside a call that is under way the arguments hold references only: `secret:NAME` as a whole text, or
`{{secret:NAME}}` inside one. A reference whose secret is not bound to the call's host ends the call before it begins.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from firm.errors import PolicyDenied, UsageError
from firm.policy.redact import Redactor
from firm.policy.secret import NAME, Secrets

MAX_DEPTH = 100

_WHOLE = re.compile(rf"secret:({NAME})")
_INSIDE = re.compile(r"\{\{\s*secret:([^{}]*?)\s*\}\}")
_NAME = re.compile(NAME)


class Broker:
    """Alone holds the secrets while the firm works.

    Args:
        secrets: The firm's.
        redactor: Learns each value before it is put anywhere.
    """

    def __init__(self, secrets: Secrets, redactor: Redactor) -> None:
        self._secrets, self.redactor = secrets, redactor

    def __repr__(self) -> str:
        return f"Broker({self._secrets!r})"

    @property
    def knows(self) -> bool:
        """Whether any secret was put anywhere yet: then what comes back has to be watched."""
        return self.redactor.knows

    def fill(self, value: Any, host: str) -> Any:
        """The value with every reference replaced by its secret, for a call to `host`.

        Args:
            value: Builtins; references are found in texts, also in keys of dicts.
            host: 'host' or 'host:port' that the call reaches, lower case; '': none.

        Raises:
            PolicyDenied: a secret is not there, or not bound to this host. The message names both, no value.
            UsageError: nested deeper than 100 levels.
        """
        return self._fill(value, host, 0)

    async def call(self, function: Callable[..., Awaitable[Any]], args: dict[str, Any], host: str) -> Any:
        """Call `function` with the secrets in its arguments; result and error come back without them.

        Args:
            function: Gets `args` by name.
            args: With references.
            host: 'host' or 'host:port' that the call reaches; '': none.

        Raises:
            PolicyDenied: as with `fill`; then nothing was called.
        """
        return await self.watch(function(**self.fill(args, host)))

    async def watch(self, work: Awaitable[Any]) -> Any:
        """What comes of `work`, result or error, without any secret that the redactor knows."""
        try:
            result = await work
        except BaseException as error:
            clean = self.redactor.clean_error(error)
            if clean is error:
                raise
            raise clean from None
        return self.redactor.clean(result)

    def get(self, name: str, host: str) -> str:
        """One secret for a host that it is bound to; from now on it is struck out wherever the redactor looks.

        Args:
            name: Of the secret.
            host: 'host' or 'host:port' that is about to get it.

        Raises:
            PolicyDenied: it is not there, or not bound to this host.
            KeyFault: the secrets or their key are lost, damaged or too open.
        """
        value = self._secrets.get(name, host)
        self.redactor.learn(name, value)
        return value

    def _fill(self, value: Any, host: str, depth: int) -> Any:
        if isinstance(value, str):
            return self._fill_text(value, host)
        if depth > MAX_DEPTH:
            raise UsageError(f"arguments are nested deeper than {MAX_DEPTH} levels; flatten them")
        if isinstance(value, dict):
            return {
                self._fill(key, host, depth + 1): self._fill(item, host, depth + 1)
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple, set, frozenset)) and not hasattr(value, "_make"):
            return type(value)(self._fill(item, host, depth + 1) for item in value)
        return value

    def _fill_text(self, text: str, host: str) -> str:
        if "secret:" not in text:
            return text
        if whole := _WHOLE.fullmatch(text):
            return self._value(whole[1], host)
        return _INSIDE.sub(lambda found: self._value(found[1], host), text)

    def _value(self, name: str, host: str) -> str:
        if not _NAME.fullmatch(name):
            raise PolicyDenied(
                f"{name[:100]!r} cannot be the name of a secret; write secret:NAME or {{{{secret:NAME}}}}"
            )
        if not host:
            raise PolicyDenied(
                f"secret {name!r} is asked for by a call that names no host; declare it: @tool(host=…)"
            )
        return self.get(name, host)


def references_in(value: Any, depth: int = 0) -> frozenset[str]:
    """Names of the secrets that a value refers to.

    Raises:
        UsageError: nested deeper than 100 levels.
    """
    if isinstance(value, str):
        whole = _WHOLE.fullmatch(value)
        return frozenset({whole[1]} if whole else _INSIDE.findall(value))
    if depth > MAX_DEPTH:
        raise UsageError(f"arguments are nested deeper than {MAX_DEPTH} levels; flatten them")
    if isinstance(value, dict):
        value = (*value.keys(), *value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return frozenset[str]().union(*(references_in(item, depth + 1) for item in value))
    return frozenset()
