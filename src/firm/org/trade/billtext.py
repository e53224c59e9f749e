"""An invoice for people: as text and as a page. Pure.

One rule: every name on it is a stranger's or a model's word, and is escaped.
"""

import html
from typing import TYPE_CHECKING

from firm.org.words import words

if TYPE_CHECKING:
    from firm.org.trade.bill import Bill

WORDS = "firm.org.trade.chinese"
STYLE = """\
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;max-width:46rem;
margin:3rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}td,th{padding:.4rem .6rem;
border-bottom:1px solid #8886;text-align:left}.cents{text-align:right;font-variant-numeric:tabular-nums}"""


def bill_text(bill: "Bill") -> str:
    """The invoice as plain text."""
    say = words(bill.language, WORDS)
    lines = [say("Invoice {number}", number=bill.number), *_head(bill), ""]
    wide = max([len(one.says) for one in bill.lines] + [12])
    lines += [f"{one.says:<{wide}}  {one.quantity:>26}  {_usd(one.cents):>12} USD" for one in bill.lines]
    lines.append(f"{say('total'):<{wide}}  {'':>26}  {_usd(bill.cents):>12} USD")
    lines += ["", say("quoted: {usd} USD; the total is never higher", usd=_usd(bill.quoted_cents))]
    return "\n".join(lines) + "\n"


def bill_html(bill: "Bill") -> str:
    """The invoice as a page without scripts."""
    say = words(bill.language, WORDS)
    rows = "".join(
        f"<tr><td>{html.escape(one.says)}</td><td>{html.escape(one.quantity)}</td>"
        f'<td class="cents">{_usd(one.cents)} USD</td></tr>'
        for one in bill.lines
    )
    title = html.escape(say("Invoice {number}", number=bill.number))
    head = "<br>".join(html.escape(line) for line in _head(bill))
    quoted = html.escape(say("quoted: {usd} USD; the total is never higher", usd=_usd(bill.quoted_cents)))
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if bill.language == "zh" else "en"}"><meta charset="utf-8">'
        f"<title>{title}</title><style>{STYLE}</style><h1>{title}</h1><p>{head}</p><table>{rows}"
        f'<tr><th>{html.escape(say("total"))}</th><th></th><th class="cents">{_usd(bill.cents)} USD</th></tr></table>'
        f"<p>{quoted}</p></html>\n"
    )


def _head(bill: "Bill") -> list[str]:
    say = words(bill.language, WORDS)
    told = [
        say("for {customer}", customer=bill.customer),
        say("order {order}, {product}", order=bill.order, product=bill.product),
    ]
    return [*([bill.seller] if bill.seller else []), *told, bill.day]


def _usd(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"
