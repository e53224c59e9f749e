"""A briefing as text and as a page: the same sections with the same lines.

One rule: what people, models and strangers have written stands on one line each, and is escaped on the page.
"""

from datetime import datetime

from firm.lab.report.markup import Html, tag
from firm.org.desk.bets import Bet, Product
from firm.org.desk.briefing import Briefing, Open, Work
from firm.org.desk.call import one_line
from firm.org.desk.question import WORDS
from firm.org.words import Say, words

MAX_LINES = 100
"""Of one section; what is left out is counted."""
Section = tuple[str, list[str]]
STYLE = """\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; border-bottom: 1px solid #8888; }
li { margin: .3rem 0; overflow-wrap: anywhere; }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def briefing_text(briefing: Briefing) -> str:
    """The whole briefing as plain text."""
    title, sections = _sections(briefing)
    parts = [title]
    for heading, lines in sections:
        parts.append("\n".join([heading, *[f"  {line}" for line in lines]]))
    return "\n\n".join(parts)


def briefing_page(briefing: Briefing) -> str:
    """The whole briefing as an HTML page, to be read without a network and without scripts."""
    title, sections = _sections(briefing)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Html(STYLE)),
    )
    body = [tag("h1", title)]
    for heading, lines in sections:
        body += [tag("h2", heading), tag("ul", *[tag("li", line) for line in lines])]
    html = tag("html", head, tag("body", tag("main", *body)), lang=briefing.language)
    return f"<!doctype html>\n{html}\n"


def _sections(briefing: Briefing) -> tuple[str, list[Section]]:
    """Title, and sections with their lines; a section without anything says so."""
    say = words(briefing.language, WORDS)
    title = say(
        "{firm}: briefing of {since} to {until}",
        firm=one_line(briefing.firm),
        since=_at(briefing.since),
        until=_at(briefing.until),
    )
    after = [say("by itself at {at}", at=_at(briefing.next_at))] if briefing.next_at is not None else []
    sections = [
        (say("Only you can decide, now"), [_open(one, say) for one in briefing.now]),
        (say("Only you can decide, and it can wait"), [_open(one, say) for one in briefing.later]),
        (say("Done"), [_work(one, say) for one in briefing.done]),
        (say("Under way"), [_work(one, say) for one in briefing.under_way]),
        (say("Stuck"), [f"{one.run}: {one_line(one.reason)}" for one in briefing.stuck]),
        (say("Cost and earned"), _money(briefing, say)),
        (say("Bets to double"), [_bet(one, say) for one in briefing.bets if one.word == "double"]),
        (say("Bets to end"), [_bet(one, say) for one in briefing.bets if one.word == "end"]),
        (say("Bets to watch"), [_bet(one, say) for one in briefing.bets if one.word == "watch"]),
        (say("The next briefing"), after or [say("only when you ask for it")]),
    ]
    return title, [(heading, _cut(lines, say) or [say("nothing")]) for heading, lines in sections]


def _cut(lines: list[str], say: Say) -> list[str]:
    left = len(lines) - MAX_LINES
    return [*lines[:MAX_LINES], say("and {count} more", count=left)] if left > 0 else lines


def _at(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _usd(micro: int) -> str:
    return f"{micro / 1e6:,.2f}" if abs(micro) >= 10_000 or not micro else f"{micro / 1e6:,.4f}"


def _open(one: Open, say: Say) -> str:
    """A question in one line, with what happens if nobody answers."""
    marks = [say(one.why_now)] if one.why_now else []
    if one.untrusted:
        marks.append(say("written by a run that has read what strangers wrote"))
    said = f"[{'; '.join(marks)}] " if marks else ""
    said += one_line(one.text, 240)
    if one.options:
        said += " " + say("One of: {options}.", options=one_line(", ".join(map(str, one.options)), 200))
    if one.deadline is not None:
        then = one_line(str(one.default), 60) if one.default is not None else say("nothing is decided")
        said += " " + say("If nobody answers by {at}: {default}", at=_at(one.deadline), default=then)
    if one.waiting:
        said += " " + say("Waiting costs: {cost}", cost=one_line(one.waiting, 120))
    return f"{said} → firm answer {one.id}"


def _work(one: Work, say: Say) -> str:
    counts = say("{done} of {all} tasks accepted", done=one.accepted, all=one.tasks)
    if one.refused:
        counts += ", " + say("{count} refused", count=one.refused)
    said = f"{one.run}: {one_line(one.mission, 160)} ({counts})"
    if one.ending:
        said = f"{say(one.ending)}: {said}, {_usd(one.usd_micro)} USD"
    if one.why:
        said += f"; {one_line(one.why, 200)}"
    return f"{said}; {one.report}" if one.report else said


def _money(briefing: Briefing, say: Say) -> list[str]:
    lines = [
        say(
            "spent {usd} USD in {calls} calls with {tokens} tokens",
            usd=_usd(briefing.spent_usd_micro),
            calls=f"{briefing.calls:,}",
            tokens=f"{briefing.tokens:,}",
        ),
        say("invoiced {usd} USD", usd=_usd(briefing.earned_usd_micro)),
    ]
    return [*lines, *[_product(one, say) for one in briefing.products]]


def _product(one: Product, say: Say) -> str:
    return say(
        "{name}, since the beginning: {orders} orders, {delivered} delivered, {revenue} USD invoiced, {cost} USD cost, "
        "{profit} USD profit",
        name=one.name or say("orders that came to no product"),
        orders=one.orders,
        delivered=one.delivered,
        revenue=_usd(one.revenue_usd_micro),
        cost=_usd(one.cost_usd_micro),
        profit=_usd(one.profit_usd_micro),
    )


def _bet(one: Bet, say: Say) -> str:
    what = one_line(one.what, 160)
    if one.profit_usd_micro is not None:
        return say(
            "product {what}: {delivered} delivered, profit {usd} USD",
            what=what,
            delivered=one.accepted,
            usd=_usd(one.profit_usd_micro),
        )
    said = say(
        "{what} (bet: {bet}): {accepted} tasks accepted, {refused} refused",
        what=what,
        bet=one_line(one.bet, 160),
        accepted=one.accepted,
        refused=one.refused,
    )
    if one.wrong_if:
        said += "; " + say("it is wrong if {wrong}", wrong=one_line(one.wrong_if, 160))
    return said + ("; " + say("its days are over") if one.late else "") + f" [{one.run}]"
