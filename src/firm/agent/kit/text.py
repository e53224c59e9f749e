"""Text as files hold it and as a model reads it: encoding, line ends, lines, both ends of what is too long.

One rule: what cannot be read as text is said so, with what to do; nothing is replaced or guessed in silence.
"""

from dataclasses import dataclass

from firm.errors import UsageError

WRAP_CHARS = 2_000
"""A line that is longer counts as several."""
_LOOKED_AT = 8_192
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig", "UTF-8 with BOM"),
    (b"\xff\xfe", "utf-16", "UTF-16"),
    (b"\xfe\xff", "utf-16", "UTF-16"),
)
_MAGIC = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive, or a document of an office program"),
    (b"\x1f\x8b", "packed with gzip"),
    (b"SQLite format 3\0", "an SQLite file: ask it with sql_query"),
    (b"\x7fELF", "a program"),
)


@dataclass(frozen=True, slots=True)
class Form:
    """How a text is written in its file."""

    encoding: str
    name: str
    """For people; '' for plain UTF-8."""
    crlf: bool
    """All its lines end in CR LF."""

    @property
    def words(self) -> str:
        """What is out of the ordinary, in brackets."""
        odd = ", ".join(word for word in (self.name, "CRLF" if self.crlf else "") if word)
        return f" ({odd})" if odd else ""


def text_of(body: bytes, path: str) -> tuple[str, Form]:
    """A file's text, lines ended by LF, and how it was written.

    Raises:
        UsageError: it is binary, or in an encoding that it does not tell.
    """
    _check_plain(body, path)
    encoding, name = next(((code, name) for bom, code, name in _BOMS if body.startswith(bom)), ("utf-8", ""))
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{path!r} is not UTF-8: byte 0x{body[error.start]:02x} in line {line}; read it with run_python, as "
            f"open({path!r}, encoding='latin-1').read(), or with the encoding that it has"
        ) from None
    crlf = "\r\n" in text and text.count("\n") == text.count("\r\n")
    return (text.replace("\r\n", "\n") if crlf else text), Form(encoding, name, crlf)


def as_written(text: str, form: Form) -> bytes:
    """The bytes of a text, written as the file was."""
    return (text.replace("\n", "\r\n") if form.crlf else text).encode(form.encoding)


def lines_of(text: str) -> list[str]:
    """The lines of a text as a model counts them: those over `WRAP_CHARS` are several."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    if max(map(len, lines), default=0) <= WRAP_CHARS:
        return lines
    return [line[at : at + WRAP_CHARS] for line in lines for at in range(0, max(len(line), 1), WRAP_CHARS)]


def ends_of(text: str, most: int) -> str:
    """Both ends of a text of more than `most` characters, and how much lies between."""
    if len(text) <= most:
        return text
    head = text[: most // 2]
    tail = text[-(most - most // 2) :]
    head, tail = head[: head.rfind("\n") + 1] or head, tail[tail.find("\n") + 1 :] or tail
    left = len(text) - len(head) - len(tail)
    return f"{head.rstrip()}\n… {left:,} characters are left out here …\n{tail}"


def _check_plain(body: bytes, path: str) -> None:
    start = body[:_LOOKED_AT]
    kind = next((name for magic, name in _MAGIC if start.startswith(magic)), "")
    wide = start.startswith((b"\xff\xfe", b"\xfe\xff"))
    if kind or (b"\0" in start and not wide):
        told = f" ({kind})" if kind else ""
        raise UsageError(
            f"{path!r} is binary{told}, {len(body):,} bytes, and cannot be read as text; look at it with run_python"
        )
