"""`firm secret`: what the firm may use without ever showing it."""

from typing import TYPE_CHECKING, Annotated

import typer

from firm.cli.command import Command, Group, Home, Json, note

if TYPE_CHECKING:
    from pathlib import Path

    from firm.policy.secret import Secrets

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Of the secret; code and settings say secret:NAME.")
]


def list_secrets(home: Home = None, as_json: Json = False) -> None:
    """List the secrets and the hosts that may get them, without their values."""
    from datetime import UTC, datetime

    from firm.cli.text import add_row, ago, print_json, render, table

    entries = _secrets(home).list()
    if as_json:
        print_json([{"name": one.name, "hosts": one.hosts, "set_at_us": one.set_at_us} for one in entries])
        return
    if not entries:
        print("no secrets yet; `firm secret set NAME --host HOST` keeps one")
        return
    made = table("NAME", "HOSTS", "SET")
    for one in entries:
        add_row(
            made,
            one.name,
            ", ".join(one.hosts),
            f"{ago(datetime.fromtimestamp(one.set_at_us / 1e6, UTC))} ago",
        )
    render(made)


def set_secret(
    name: Name,
    hosts: Annotated[
        list[str],
        typer.Option("--host", metavar="HOST", help="Who may get it: host or host:port; may be repeated."),
    ],
    value: Annotated[str | None, typer.Argument(hidden=True)] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Keep a secret, sealed, for the hosts that may get it.

    Its value is typed at the terminal, where it is not shown, or read from stdin.
    """
    import time

    from firm.cli.text import print_json
    from firm.cli.unseen import value_of_secret
    from firm.errors import UsageError
    from firm.policy.secret import check_host, check_name

    check_name(name)
    bound = [check_host(host) for host in hosts]
    if value is not None:
        raise UsageError(
            "a value is never given on the command line, where other users and the shell's history have it: leave it "
            f"out to be asked, or pipe it: firm secret set {name} --host {bound[0]} < FILE (and replace this value, "
            "since it was seen)"
        )
    secrets = _secrets(home, make=True)
    secrets.set(name, value_of_secret(name), bound, now_us=time.time_ns() // 1000)
    if as_json:
        print_json({"set": name, "hosts": bound, "key": secrets.where()})
        return
    print(f"kept {name} for {', '.join(bound)}; write secret:{name} where it is needed")
    if secrets.where() == "file":
        note(
            f"no keyring of the system answers, so the key lies in {secrets.key_path}, readable for you alone"
        )


def remove(name: Name, home: Home = None, as_json: Json = False) -> None:
    """Forget a secret; calls that refer to it are denied from now on."""
    from firm.cli.text import print_json, shown

    _secrets(home).remove(name)
    print_json({"removed": name}) if as_json else print(f"removed the secret {shown(name)}")


def _secrets(home: "Path | None", *, make: bool = False) -> "Secrets":
    from firm.cli.login import firm_at
    from firm.policy.secret import Secrets

    found = firm_at(home)
    if make:
        found.make()
    return Secrets(found.state)


GROUP = Group(
    "secret",
    "firm secret set stripe --host api.stripe.com",
    "Secrets that the firm may use without ever showing them.",
    (
        Command("list", "firm secret list", list_secrets),
        Command("set", "firm secret set stripe --host api.stripe.com < key.txt", set_secret),
        Command("remove", "firm secret remove stripe", remove),
    ),
)
