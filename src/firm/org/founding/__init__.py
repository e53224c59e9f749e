"""A firm out of a sentence: a folder of files that one can read, edit and keep in git.

One rule: what is written is what `firm doctor` finds in order; who wrote it (a template, a model) is said.
"""

from firm.org.founding.about import ABOUT, about_page, check_about
from firm.org.founding.draft import Draft, drafted
from firm.org.founding.frequency import Frequency, frequency_of
from firm.org.founding.template import FOLDER, TEMPLATES, Template, read_template, template_for
from firm.org.founding.writing import Founded, Server, check_new, check_sentence, found, found_by_model

__all__ = [
    "ABOUT",
    "FOLDER",
    "TEMPLATES",
    "Draft",
    "Founded",
    "Frequency",
    "Server",
    "Template",
    "about_page",
    "check_about",
    "check_new",
    "check_sentence",
    "drafted",
    "found",
    "found_by_model",
    "frequency_of",
    "read_template",
    "template_for",
]
