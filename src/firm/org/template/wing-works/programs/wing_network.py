"""How a section flies according to NeuralFoil's networks, and which way it would fly better.

One rule: NeuralFoil is a surrogate. It was trained on XFOIL runs; a search finds the places where it is wrong. Its own
confidence is computed too, but it stays high in such places.

The networks are NeuralFoil's, read from where its package is installed; the arithmetic is here, for two reasons: it
gives gradients, and importing the package costs 1.5 s of processor time in each process (it loads AeroSandbox and
CasADi). A test compares the two.

Source: Sharpe and Hansman, "NeuralFoil: An Airfoil Aerodynamics Analysis Tool Using Physics-Informed Machine
Learning", arXiv:2503.16323; https://github.com/peterdsharpe/NeuralFoil (MIT).
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from wing_shape import ANGLE, NOSE, TAIL, WEIGHTS, Floats

INPUTS = 25
FLIPPED = [*range(8, 16), *range(8), *range(16, 23), 24, 23]
SIGNS = np.array([-1.0] * 17 + [1.0, -1.0] + [1.0] * 6, np.float32)
"""Upside down, a section flies upside down: the answer is the mean of both views."""
MIRROR = np.array([1.0, -1.0, 1.0, -1.0], np.float32)
"""Confidence, lift, drag and moment seen upside down."""

Pull = Callable[[Floats], Floats]
"""From the gradient by (confidence, lift, drag, moment), n by 4, to the gradient by the 18 numbers, n by 18."""


def folder() -> Path | None:
    """Where NeuralFoil's networks lie; None where it is not installed."""
    spec = importlib.util.find_spec("neuralfoil")
    places = (spec.submodule_search_locations or []) if spec else []
    return next((Path(place) / "nn_weights_and_biases" for place in places), None)


@dataclass(frozen=True)
class Network:
    """One network: matrices and offsets, the last layer cut down to what is used here."""

    layers: tuple[tuple[Any, Any], ...]
    middle: Any
    spread: Any
    """Mean and inverse covariance of what it was trained on."""

    def __call__(self, inputs: Any) -> tuple[Any, Callable[[Any], Any]]:
        """Raw answers (n by 4) to n inputs, and what carries a gradient back to the inputs."""
        straight, back = self._half(inputs)
        turned, back_turned = self._half(inputs[:, FLIPPED] * SIGNS)

        def pull(wanted: Any) -> Any:
            there = back_turned(wanted * MIRROR) * SIGNS
            turn = np.empty_like(there)
            turn[:, FLIPPED] = there
            return (back(wanted) + turn) / 2

        return (straight + turned * MIRROR) / 2, pull

    def _half(self, inputs: Any) -> tuple[Any, Callable[[Any], Any]]:
        value, kept = inputs, []
        for matrix, offset in self.layers[:-1]:
            value = value @ matrix + offset
            gate = 1 / (1 + np.exp(-np.maximum(value, -80.0)))
            kept.append((value, gate))
            value = value * gate
        matrix, offset = self.layers[-1]
        answer = value @ matrix + offset
        away = (inputs - self.middle) @ self.spread
        answer[:, 0] -= np.sum(away * (inputs - self.middle), axis=1) / (2 * INPUTS)

        def pull(wanted: Any) -> Any:
            gradient = wanted @ matrix.T
            for (value, gate), (weights, _) in zip(reversed(kept), reversed(self.layers[:-1]), strict=True):
                gradient = (gradient * (gate * (1 + value * (1 - gate)))) @ weights.T
            return gradient - wanted[:, :1] * away / INPUTS

        return answer, pull


@cache
def network(model: str) -> Network:
    """Load a network by NeuralFoil's name for its size: xxsmall, xsmall, … xxxlarge.

    Raises:
        FileNotFoundError: NeuralFoil is not installed.
    """
    where = folder()
    if where is None:
        raise FileNotFoundError("NeuralFoil's networks are not here; run: pip install neuralfoil")
    with np.load(where / f"nn-{model}.npz") as held:
        numbers = sorted({int(name.split(".")[1]) for name in held.files})
        layers = [(held[f"net.{i}.weight"].T.copy(), held[f"net.{i}.bias"].reshape(-1)) for i in numbers]
    layers[-1] = (layers[-1][0][:, :4].copy(), layers[-1][1][:4].copy())
    with np.load(where / "scaled_input_distribution.npz") as held:
        middle = held["mean_inputs_scaled"].reshape(-1).astype(np.float32)
        spread = held["inv_cov_inputs_scaled"].astype(np.float32)
    return Network(tuple(layers), middle, (spread + spread.T) / 2)


@dataclass(frozen=True, slots=True)
class Guess:
    """What a network says of n sections; each an array of n."""

    confidence: Floats
    """0 to 1."""
    lift: Floats
    drag: Floats
    moment: Floats
    pull: Pull

    @property
    def glide(self) -> Floats:
        """Lift over drag."""
        return np.asarray(self.lift / self.drag)


def guess(model: str, sections: Floats, *, reynolds: Floats | float = 1e6, ncrit: float = 9.0) -> Guess:
    """Ask a network about n sections (rows of 18 numbers, the angle among them)."""
    alpha = np.radians(sections[:, ANGLE])
    inputs = np.empty((len(sections), INPUTS), np.float32)
    inputs[:, : NOSE + 1] = sections[:, : NOSE + 1]
    inputs[:, 17], inputs[:, 18] = TAIL * 50, np.sin(2 * alpha)
    inputs[:, 19], inputs[:, 20] = np.cos(alpha), np.sin(alpha) ** 2
    inputs[:, 21], inputs[:, 22] = (np.log(reynolds) - 12.5) / 3.5, (ncrit - 9) / 4.5
    inputs[:, 23:] = 1.0
    raw, back = network(model)(inputs)
    confidence, drag = 1 / (1 + np.exp(-raw[:, 0].astype(float))), np.exp((raw[:, 2].astype(float) - 2) * 2)

    def pull(wanted: Floats) -> Floats:
        scale = np.stack(
            [confidence * (1 - confidence), np.full(len(drag), 0.5), 2 * drag, np.full(len(drag), 0.05)]
        )
        by_input = back((wanted * scale.T).astype(np.float32)).astype(float)
        by_angle = by_input[:, 18] * 2 * np.cos(2 * alpha) - by_input[:, 19] * np.sin(alpha)
        by_angle += by_input[:, 20] * np.sin(2 * alpha)
        return np.concatenate([by_input[:, : NOSE + 1], np.radians(by_angle)[:, None]], axis=1)

    return Guess(confidence, raw[:, 1].astype(float) / 2, drag, raw[:, 3].astype(float) / 20, pull)


assert ANGLE == 2 * WEIGHTS + 1
