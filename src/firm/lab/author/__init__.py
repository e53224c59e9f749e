"""Proposers that are models: they rewrite, change, cross, or write the operators that numbers are then made with.

One rule: what a model wrote is a text that nobody trusts. It is read strictly, tried in a box, and scored by the
wall like any other candidate; what it says about itself counts nowhere.

    draft.py      an order to a model, with one turn of repair
    words.py      what the model is told
    said.py       what is told of a candidate
    block.py      reading a program, a text or a change out of a reply
    check.py      whether a program parses and has the functions that are wanted
    trial.py      running it once in a box, before anything is paid for its score
    harness.py    the trusted program that drives operators inside the box
    answer.py     a model's answers to a prompt that is searched for
"""

from firm.lab.author.answer import answers
from firm.lab.author.draft import ARMS, Written, arms_of, compose, drive, paid, total
from firm.lab.author.said import Said

__all__ = ["ARMS", "Said", "Written", "answers", "arms_of", "compose", "drive", "paid", "total"]
