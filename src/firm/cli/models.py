"""`firm models`: which there are, how fast they are, and the weights that lie on this machine.

One rule: a figure that is shown was measured just now, by a call that was really made.
"""

import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firm.cli.command import DONE, FAILED, Command, Group, Home, Json, complain

if TYPE_CHECKING:
    from firm.cli.measure import Measured
    from firm.model import Entry
    from firm.model.embedded.catalogue import Entry as Weights
    from firm.root.config import Config

WIDE_COLUMNS = 130
"""A terminal that is narrower gets a list instead of a table, in which names would be broken."""

Name = Annotated[str, typer.Argument(metavar="NAME", help="From `firm models list`.")]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    name: str
    model: str
    """What its server, or the catalogue, calls it."""
    at: str
    """Address, or 'embedded'."""
    wire: str
    source: str
    """Where it is known from."""
    pulled: bool | None
    """Whether its weights are on this machine; None: they are not our business."""
    bytes: int | None
    licence: str


def list_models(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Ask its server which models that has.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """List the models of this firm and those that can be pulled."""
    import asyncio

    from firm.cli.text import add_row, print_json, render, table
    from firm.root.config import read_config
    from firm.root.home import find_home

    config = read_config(find_home(home).config)
    if name is not None:
        return _list_server(config, name, as_json=as_json)
    rows = asyncio.run(_rows(config))
    if as_json:
        print_json(rows)
        return DONE
    if sys.stdout.isatty() and shutil.get_terminal_size().columns < WIDE_COLUMNS:
        _print_narrow(rows)
        return DONE
    made = table("NAME", "MODEL", "AT", "WIRE", "FROM", "WEIGHTS", "LICENCE")
    for row in rows:
        add_row(made, row.name, _model(row), row.at, row.wire, row.source, _weights(row), row.licence)
    render(made)
    return DONE


def _print_narrow(rows: "list[Row]") -> None:
    """A line with the name, so that it can be copied, and what is known of it below."""
    from firm.cli.text import plain

    for row in rows:
        known = (_model(row), row.at, row.wire, row.source, _weights(row), row.licence)
        print(plain(row.name))
        print("  " + plain(", ".join(filter(None, known))))


def _model(row: Row) -> str:
    return "" if row.model == row.name else row.model


def _weights(row: Row) -> str:
    if row.pulled is None or row.bytes is None:
        return ""
    return f"{row.bytes / 1e6:,.0f} MB" + (" pulled" if row.pulled else ", not pulled")


async def _rows(config: "Config") -> list[Row]:
    from firm.model.embedded.catalogue import catalogue
    from firm.root.models import entry_of

    rows = [] if "default" in config.models else [await _default_row()]
    for name, settings in config.models.items():
        rows += _rows_of(name, entry_of(settings), "firm.toml")
    return rows + [_row_of_weights(name, weights, "catalogue") for name, weights in catalogue().items()]


async def _default_row() -> Row:
    from firm.cli.finding import find_default

    choice = await find_default()
    return next(iter(_rows_of("default", choice.entry, choice.why[-1])))


def _rows_of(name: str, entry: "Entry", source: str) -> "Iterable[Row]":
    from firm.model import Model
    from firm.model.local import Embedded

    for given in entry.models:
        if isinstance(given, Embedded):
            yield _row_of_weights(name, given.entry, source)
        else:
            model = given if isinstance(given, Model) else given.model
            yield Row(name, model.name, model.address, model.wire, source, None, None, "")


def _row_of_weights(name: str, weights: "Weights", source: str) -> Row:
    from firm.model.embedded import store

    pulled = all(store.held(file) for file in weights.files)
    at = "embedded" if weights.kind == "chat" else f"embedded ({weights.kind})"
    return Row(name, weights.name, at, "", source, pulled, weights.bytes, weights.licence)


def _list_server(config: "Config", name: str, *, as_json: bool) -> int:
    import asyncio

    from firm.cli.finding import models_at_servers
    from firm.cli.text import print_json, visible

    found = asyncio.run(models_at_servers(config, name))
    if as_json:
        print_json([{"at": url, "models": models} for url, models in found])
    else:
        for url, models in found:
            print(f"{url} has {', '.join(map(visible, models)) or 'none that it tells of'}")
    return DONE


def test_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="From `firm models list`.")] = "default",
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Call a model and measure it: speed, abilities, price.

    Each endpoint is asked by itself; tokens are really spent.
    """
    import asyncio

    from firm.cli.measure import measure
    from firm.cli.text import print_json
    from firm.root.config import read_config
    from firm.root.home import find_home

    measured = asyncio.run(measure(read_config(find_home(home).config), name))
    if as_json:
        print_json([{key: getattr(one, key) for key in one.__struct_fields__} for one in measured])
    for one in measured if not as_json else ():
        if not one.error:
            _print_measured(one)
    for one in measured:
        if one.error:
            complain(one.error)
    return FAILED if any(one.error for one in measured) else DONE


def _print_measured(one: "Measured") -> None:
    from firm.cli.text import span, visible

    print(f"{visible(one.model)} at {one.endpoint}")
    print(f"  first token  {span(one.first_token_s)}")
    print(f"  whole reply  {span(one.total_s)}, {one.written_tokens} tokens written, {one.read_tokens} read")
    speed = f"{one.tokens_per_s:.1f} tokens/s" if one.tokens_per_s else "not known: too short a reply"
    print(f"  speed        {speed}")
    price = (
        f"{one.usd_per_million_tokens or 0:.4g} USD a million tokens, at this speed and one call at a time"
    )
    print(f"  price        {price if one.usd_per_million_tokens is not None else 'not known'}")
    print(f"  abilities    {', '.join(one.able) or 'none seen'}")
    if one.unable:
        print(f"  lacks        {', '.join(one.unable)}")


def pull_model(
    name: Name,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Take the weights from this file, or from a folder."),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> int:
    """Have the weights of an embedded model on this machine.

    They are checked against their sha256, and shared by all firms here.
    """
    import asyncio

    from firm.cli.pulling import pull_shown
    from firm.cli.text import print_json
    from firm.model.embedded.pull import adopt

    weights = _weights_of(home, name)
    path = asyncio.run(pull_shown(weights) if source is None else adopt(weights.name, source))
    if as_json:
        print_json({"name": weights.name, "path": str(path), "bytes": weights.bytes})
    else:
        print(f"{weights.name} is here: {path}")
    return DONE


def remove_model(name: Name, home: Home = None, as_json: Json = False) -> int:
    """Delete the weights of an embedded model from this machine.

    A server that runs them goes on until it has been idle for a while.
    """
    from firm.cli.text import print_json
    from firm.model.embedded import store

    weights = _weights_of(home, name)
    freed = store.remove(weights)
    if as_json:
        print_json({"name": weights.name, "bytes": freed})
    else:
        print(f"freed {freed / 1e6:,.0f} MB" if freed else f"nothing of {weights.name} was here")
    return DONE


def _weights_of(home: Home, name: str) -> "Weights":
    """The weights behind a name of the catalogue, or behind a model of this firm that is embedded.

    Raises:
        UsageError: there are none.
    """
    from firm.errors import UsageError
    from firm.model.embedded.catalogue import DEFAULT, find
    from firm.root.config import read_config
    from firm.root.home import find_home

    settings = read_config(find_home(home).config).models.get(name)
    if settings is not None and settings.urls:
        raise UsageError(f"model {name!r} is at {settings.urls[0]}: its weights are that server's business")
    if settings is not None:
        return find(settings.embedded or DEFAULT)
    return find(DEFAULT if name == "default" else name)


GROUP = Group(
    "models",
    "firm models list",
    "The models of this firm: list, test, pull, remove.",
    (
        Command("list", "firm models list", list_models),
        Command("test", "firm models test big", test_model),
        Command("pull", "firm models pull qwen2.5-coder-0.5b-instruct-q4_k_m", pull_model),
        Command("remove", "firm models remove smollm2-135m-instruct-q4_1", remove_model),
    ),
)
