"""Maximum likelihood: Newton's method on the logarithms of positive parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from segml._core.errors import ConvergenceError
from segml._core.text import decimal

from ._logarithms import Logarithms
from ._unique import Floats

#: Parameters to the log-likelihood, its gradient and its Hessian.
LogLikelihood = Callable[[Floats], tuple[float, Floats, Floats]]

_STEPS = 200
_LONGEST_STEP = 2.0  # of one logarithm in one step
_FARTHEST = math.log(1e6)  # of a parameter from its start: beyond, it runs off
_GAIN_LEFT = 1e-10  # log-likelihood that a full Newton step could still gain
_SAME_OPTIMUM = 0.02
_SAME_VALUE = 1e-12
_GREATEST_LOG_ERROR = 15.0  # a standard error of a logarithm beyond this says: not identified


@dataclass(frozen=True)
class Optimum:
    """Where the likelihood is highest.

    Parameters
    ----------
    parameters : ndarray of shape (k,)
        The estimates.
    value : float
        Log-likelihood.
    gradient : ndarray of shape (k,)
        Its gradient by the logarithms of the positive parameters, and by the others
        themselves; zero up to rounding.
    covariance : ndarray of shape (k, k)
        Of the parameters: the inverse of the observed information.
    evaluations : int
        How often the likelihood was computed, over all starts.
    """

    parameters: Floats
    value: float
    gradient: Floats
    covariance: Floats
    evaluations: int


def numeric_hessian(function: Callable[[Floats], tuple[float, Floats]]) -> LogLikelihood:
    """Add a Hessian, by central differences of the exact gradient.

    Examples
    --------
    >>> cubic = numeric_hessian(lambda p: (p[0] ** 3, 3 * p**2))
    >>> cubic(np.array([2.0]))[2].round(6)
    array([[12.]])
    """

    def with_hessian(parameters: Floats) -> tuple[float, Floats, Floats]:
        value, gradient = function(parameters)
        columns = []
        for j, parameter in enumerate(parameters):
            step = np.zeros_like(parameters)
            step[j] = np.finfo(float).eps ** (1 / 3) * parameter
            rise = function(parameters + step)[1] - function(parameters - step)[1]
            columns.append(rise / (2 * step[j]))
        hessian = np.column_stack(columns)
        return value, gradient, (hessian + hessian.T) / 2

    return with_hessian


def maximise(
    function: LogLikelihood,
    starts: Sequence[Sequence[float]],
    names: Sequence[str],
    free: Collection[str] = (),
) -> Optimum:
    """Maximise a log-likelihood from several starts.

    Each start is followed by Newton's method on the logarithms u of the
    parameters, those apart that may be negative.  Where the likelihood is not
    concave, the eigenvalues of the Hessian are taken by absolute value
    (saddle-free Newton; Dauphin et al. 2014, section 4), and steps are halved
    until the likelihood rises.  The end is reached when a further step would
    gain less than 1e-10.

    Parameters
    ----------
    function : callable
        From natural parameters to log-likelihood, gradient and Hessian.
    starts : sequence of sequences of float
        Starting values in natural units; the scale of the data belongs in them.
    names : sequence of str
        Parameter names, for messages.
    free : collection of str
        Those that may have any value; the others are positive.

    Returns
    -------
    Optimum
        The best of the optima reached.

    Raises
    ------
    ConvergenceError
        When the likelihood rises towards zero or infinity, is flat in some
        direction, or no optimum is reached.

    Examples
    --------
    An exponential sample of 4 with mean 2 has its optimum at the rate 1/2:

    >>> def exponential(rate):
    ...     return 4 * (np.log(rate[0]) - 2 * rate[0]), 4 / rate - 8, -4 / rate[:, None] ** 2
    >>> found = maximise(exponential, [[1.0], [0.1]], ["rate"])
    >>> found.parameters, found.covariance
    (array([0.5]), array([[0.0625]]))
    """
    scale = Logarithms(np.array([name not in free for name in names]))
    climbs: list[_Climb] = []
    for start in starts:
        climb = _Climb(function, scale, scale.of(np.asarray(start, dtype=float)))
        climb.run([done.point.at for done in climbs if done.converged])
        climbs.append(climb)
    best = _best(climbs)
    point = best.point
    if best.ran_off.any():
        raise _ran_off(best, scale, names)
    if not best.converged:
        raise ConvergenceError(
            "no optimum of the likelihood was reached",
            where=", ".join(_values(scale.back(point.at), names)),
            got=f"a gradient of up to {np.abs(point.gradient).max():.2g} after {best.steps} steps",
            expected="a gradient of 0",
            hint=_WHAT_TO_TRY,
        )
    if not _is_identified(point.hessian):
        raise ConvergenceError(
            "the likelihood is flat: the data do not tell all parameters",
            where=", ".join(_values(scale.back(point.at), names)),
            got=f"standard errors of a factor of more than e^{_GREATEST_LOG_ERROR:g}",
            expected="an optimum with curvature in every direction",
            hint=_WHAT_TO_TRY,
        )
    parameters = scale.back(point.at)
    slopes = scale.slopes(parameters)
    covariance = np.linalg.inv(-point.hessian) * np.outer(slopes, slopes)
    return Optimum(
        parameters,
        point.value,
        point.gradient,
        (covariance + covariance.T) / 2,
        sum(climb.evaluations for climb in climbs),
    )


def _best(climbs: Sequence[_Climb]) -> _Climb:
    """Return the climb that came highest, one that converged if equal up to rounding."""
    highest = max(climbs, key=lambda climb: climb.point.value)
    enough = highest.point.value - _SAME_VALUE * (1 + abs(highest.point.value))
    return next((c for c in climbs if c.converged and c.point.value >= enough), highest)


_WHAT_TO_TRY = (
    "more customers or a longer period; look for customers with extreme counts;"
    " or another model, as this one may be too rich for the data"
)


@dataclass(frozen=True)
class _Point:
    """The log-likelihood and its derivatives by the logarithms u, at u."""

    at: Floats
    value: float
    gradient: Floats
    hessian: Floats


class _Climb:
    """One run of Newton's method from one start."""

    def __init__(self, function: LogLikelihood, scale: Logarithms, start: Floats) -> None:
        self.function = function
        self.scale = scale
        self.start = start
        self.evaluations = 0
        self.steps = 0
        self.converged = False
        self.point = self._evaluate(start)

    def _evaluate(self, at: Floats) -> _Point:
        self.evaluations += 1
        parameters = self.scale.back(at)
        value, gradient, hessian = self.function(parameters)
        slopes = self.scale.slopes(parameters)
        by_log = gradient * slopes
        curved = hessian * np.outer(slopes, slopes) + np.diag(self.scale.only(by_log))
        return _Point(at, value if np.isfinite(value) else -np.inf, by_log, curved)

    @property
    def ran_off(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which parameters went far from their starts."""
        return np.abs(self.point.at - self.start) > _FARTHEST

    def run(self, known: Sequence[Floats]) -> None:
        """Climb until the top, a known top, a run off to the edge, or no way up."""
        for self.steps in range(1, _STEPS + 1):
            if not np.isfinite(self.point.value) or self.ran_off.any():
                return
            if any(np.abs(self.point.at - top).max() < _SAME_OPTIMUM for top in known):
                return
            step, gain = _newton_step(self.point)
            if gain < _GAIN_LEFT:
                last = self._evaluate(self.point.at + step)
                if np.abs(last.gradient).max() < np.abs(self.point.gradient).max():
                    self.point = last
                self.converged = True
                return
            if not self._move(step, gain):
                return

    def _move(self, step: Floats, gain: float) -> bool:
        """Take the step, or the longest half, quarter, ... of it that gains."""
        rounding = 1e-12 * (1 + abs(self.point.value))
        for halvings in range(40):
            length = 0.5**halvings
            trial = self._evaluate(self.point.at + length * step)
            rise = trial.value - self.point.value
            if np.isfinite(rise) and rise > 1e-4 * length * gain - rounding:
                self.point = trial
                return True
        return False


def _newton_step(point: _Point) -> tuple[Floats, float]:
    """Return the step uphill and what it would gain if the likelihood were a parabola."""
    values, vectors = np.linalg.eigh(-point.hessian)
    along = vectors.T @ point.gradient
    least = 1e-12 * (np.abs(values).max() + np.abs(along).max())
    size = np.maximum(np.abs(values), least + np.finfo(float).tiny)
    step = vectors @ (along / size)
    longest = np.abs(step).max()
    if longest > _LONGEST_STEP:
        step *= _LONGEST_STEP / longest
    return step, 0.5 * float(step @ point.gradient)


def _is_identified(hessian: Floats) -> bool:
    """Say whether all standard errors of the logarithms are of a reasonable size."""
    values, vectors = np.linalg.eigh(-hessian)
    if not values.min() > 0:
        return False
    variances = vectors**2 @ (1 / values)  # the diagonal of the inverse
    return bool((variances < _GREATEST_LOG_ERROR**2).all())


def _values(parameters: Floats, names: Sequence[str]) -> list[str]:
    return [f"{name} {decimal(value)}" for name, value in zip(names, parameters, strict=True)]


def _ran_off(climb: _Climb, scale: Logarithms, names: Sequence[str]) -> ConvergenceError:
    rising = climb.point.at > climb.start
    lowest = np.where(scale.positive, "zero", "minus infinity")
    towards = [
        f"{name} to {'infinity' if up else low}"
        for name, up, low, off in zip(names, rising, lowest, climb.ran_off, strict=True)
        if off
    ]
    return ConvergenceError(
        "the likelihood has no maximum: it keeps rising as a parameter runs off",
        where=" and ".join(towards),
        got=", ".join(_values(scale.back(climb.point.at), names)),
        expected="an optimum inside",
        hint=_WHAT_TO_TRY,
    )
