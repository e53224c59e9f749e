"""Checks that programs make: whether what was handed over is what done means.

One rule: a check looks at the artifact as it was handed over, never at what its maker says about it.
"""

from firm.org.check.known import check_known
from firm.org.check.run import run_checks

__all__ = ["check_known", "run_checks"]
