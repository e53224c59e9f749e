"""Sections `[org]` and `[[schedules]]` of firm.toml, as data; `firm.root.config` reads them.

One rule: every value has a default with which a founder can leave the firm alone overnight.
"""

from typing import Literal

import msgspec

PlanBy = Literal["auto", "template", "free"]


class OrgSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `[org]`."""

    language: Literal["en", "zh"] = "en"
    """What is spoken where nobody's words say."""
    plan: PlanBy = "auto"
    """Who plans: the chief's model ('free'), the workflow file ('template'), or the model where it is a strong one."""
    usd: float = 5.0
    """What a mission may take where nothing is said, US dollars."""
    approve_plan_above_usd: float = 1.0
    """A plan that may take more is put to the founder first; 0: every plan that may take anything."""
    answer_s: float = 86_400.0
    """How long the founder has for what can be taken back; then the default holds. Seconds, above 0."""
    patience: int = 6
    """So many refusals and failures one after the other, with nothing accepted between, stop a unit; at least 1."""
    panel_above_usd: float = 100.0
    """At this stake a close call is put to a full panel."""
    briefing: str = "08:00"
    """When the daily briefing is written, HH:MM of this machine's time; '': never by itself."""
    markup: float = 0.25
    """What customers pay beyond what their work cost: 0.25 for a quarter."""
    usd_per_core_hour: float = 0.05
    """Price of the firm's own processors in quotes and invoices, where work of programs is sold."""
    order_usd: float = 2.0
    """What one order may take at most, US dollars."""


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One section `[[schedules]]`: what starts a mission by itself. Exactly one of cron, hook and file."""

    name: str
    """Kebab case; once."""
    mission: str
    """Its words; `{event}` stands for what came with a hook or a file, which is untrusted."""
    cron: str = ""
    """Five fields: minute, hour, day of the month, month, day of the week; this machine's time."""
    hook: str = ""
    """Name of a webhook: POST /hooks/NAME to `firm up`."""
    file: str = ""
    """Pattern of files below the home; each new one starts a mission."""
    workflow: str = "main"
    """Which file of `workflows/` plans it."""
    usd: float | None = None
    """What each may take; None: as `[org] usd`."""
