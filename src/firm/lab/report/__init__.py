"""What a search found, as a report: a page to read and the same as JSON, with the hashes of all parts."""

from firm.lab.report.document import page
from firm.lab.report.sealing import broken
from firm.lab.report.story import Story
from firm.lab.report.writing import Written, write

__all__ = ["Story", "Written", "broken", "page", "write"]
