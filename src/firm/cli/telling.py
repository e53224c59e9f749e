"""Reports and notes as the founder reads them: what agents tell without being asked.

One rule: their words are escaped, and where the run had read what strangers wrote that is said first, and each of their
lines is marked.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firm.root.inbox import NotesView, ReportView

UNTRUSTED = "(has read what strangers wrote) "


def one_line(report: "ReportView") -> str:
    """A report on one line."""
    from firm.cli.text import ago, count, line

    files = f" ({count(len(report.files), 'file')})" if report.files else ""
    return f"{ago(report.at)} ago  {_who(report)}: {_warning(report)}{line(report.text, 160)}{files}"


def whole(report: "ReportView") -> str:
    """All of a report, with where its files lie."""
    from firm.cli.text import clock, line, plain

    lines = [f"{clock(report.at)}  {_who(report)}" + (f" {UNTRUSTED.strip()}" if report.untrusted else "")]
    before = "  | " if report.untrusted else "  "
    lines += [f"{before}{text}" for text in plain(report.text).splitlines()]
    lines += [f"  file: {line(one.path, 1000)} ({one.bytes:,} bytes)" for one in report.files]
    return "\n".join(lines)


def _who(report: "ReportView") -> str:
    from firm.cli.text import line

    who = f"run {report.run}" if report.run else "outside of runs"
    return line(f"{report.agent} of {who}" if report.agent else who, 220)


def _warning(report: "ReportView") -> str:
    return UNTRUSTED if report.untrusted else ""


def notes_lines(notes: "NotesView") -> list[str]:
    """A to-do list and notes, one line each."""
    from firm.cli.text import line

    warning = f" {UNTRUSTED.strip()}" if notes.untrusted else ""
    lines = [f"to do{warning}"] if notes.todo else []
    lines += [f"  [{'x' if item['done'] else ' '}] {line(item['text'], 500)}" for item in notes.todo]
    if notes.notes:
        older = f", {notes.dropped} older ones left out" if notes.dropped else ""
        lines += [f"notes{older}{warning}", *(f"  {line(text, 500)}" for text in notes.notes)]
    return lines
