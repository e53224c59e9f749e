"""numpy, told to use one thread: the arrays here are small, and its threads would mostly wait for each other.

Measured: with one thread for each core the tests take three times the processor time. It has to be said before
numpy is loaded, so the other files take it from here.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

__all__ = ["Floats", "np"]
