"""Phenomena: black boxes that answer experiments at a price, and the laws behind them.

`discover` designs the experiments, proposes laws, predicts outside the range it has seen, tries to falsify itself,
and says found or unsure.
"""

from firm.lab.phenomenon.discover import discover
from firm.lab.phenomenon.finding import Finding, Inquiry
from firm.lab.phenomenon.phenomenon import Input, Output, Phenomenon

__all__ = ["Finding", "Input", "Inquiry", "Output", "Phenomenon", "discover"]
