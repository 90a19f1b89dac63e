"""What the CLV estimators share: fitted attributes, summary, saving as data, HTML."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from segml._core import html
from segml._core.errors import DataError
from segml._core.text import count, decimal, share

from ._fit import Optimum
from ._interval import interval
from ._logarithms import Logarithms
from ._rfm import Customers
from ._unique import Floats

FORMAT = "segml.clv"
FORMAT_VERSION = 1


class CLVModel(BaseEstimator):
    """Base of the estimators; a model adds its parameters, its likelihood and its predictions.

    Attributes
    ----------
    params_ : pandas.Series
        Estimates by parameter name.
    covariance_ : pandas.DataFrame
        Their covariance: the inverse of the observed information.
    log_likelihood_ : float
        At the estimates.
    n_customers_ : int or float
        Customers used, or the sum of their weights.
    """

    #: Parameter names in order, with what they mean.
    _meanings: ClassVar[dict[str, str]]
    #: Further fitted attributes that are saved.
    _also_saved: ClassVar[tuple[str, ...]] = ()

    params_: pd.Series
    covariance_: pd.DataFrame
    log_likelihood_: float
    n_customers_: int | float

    @abstractmethod
    def _read(self, rfm: object) -> Customers:
        """Return the checked columns that predictions depend on."""

    def _names(self) -> list[str]:
        """Return the names of the parameters, in order."""
        return list(self._meanings)

    def _free(self) -> frozenset[str]:
        """Return the names of those that may be negative."""
        return frozenset()

    def _meaning(self, name: str) -> str:
        """Return what a parameter means."""
        return self._meanings[name]

    def _scale(self) -> Logarithms:
        free = self._free()
        return Logarithms(np.array([name not in free for name in self._names()]))

    def _finish(self, optimum: Optimum, n_customers: float) -> Self:
        names = self._names()
        self.params_ = pd.Series(optimum.parameters, index=names, name="estimate")
        self.covariance_ = pd.DataFrame(optimum.covariance, index=names, columns=names)
        self.log_likelihood_ = optimum.value
        self.n_customers_ = int(n_customers) if n_customers.is_integer() else n_customers
        return self

    def _parameters(self) -> list[float]:
        check_is_fitted(self, "params_")
        return [float(value) for value in self.params_]

    def _log_covariance(self) -> Floats:
        """Return the covariance of the logarithms of the parameters, the free ones apart."""
        slopes = self._scale().slopes(np.asarray(self._parameters()))
        return self.covariance_.to_numpy() / np.outer(slopes, slopes)

    def _with_parameters(self, values: Floats) -> Self:
        """Return the model as if these were its estimates."""
        other = clone(self)
        other.params_ = pd.Series(values, index=self.params_.index, name="estimate")
        other.covariance_ = self.covariance_
        for name in self._also_saved:
            setattr(other, name, getattr(self, name))
        return other

    def _predict(
        self, rfm: object, name: str, function: Callable[..., Floats], **arguments: Any
    ) -> pd.Series:
        """Compute a prediction once per distinct row and give it to each customer."""
        check_is_fitted(self, "params_")
        customers = self._read(rfm)
        columns, kinds = customers.unique()
        values = function(tuple(columns.values()), **arguments)
        return pd.Series(values[kinds.inverse], index=customers.index, name=name)

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        r"""Estimates with their standard errors and confidence intervals.

        The interval of a positive parameter is symmetric in its logarithm, and so
        stays positive: :math:`\hat\theta \exp(\pm z\, \mathrm{se}/\hat\theta)`;
        that of a coefficient, which may be negative, in itself.

        Parameters
        ----------
        level : float
            Confidence level.

        Returns
        -------
        DataFrame
            Index ``parameter``; columns estimate, std_error, low, high.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ParameterError
            When `level` is out of range.
        """
        estimate = np.asarray(self._parameters())
        error = np.sqrt(np.diag(self.covariance_.to_numpy()))
        ends = [interval(estimate, error, scale, level) for scale in ("positive", "real")]
        low, high = (
            np.where(self._scale().positive, one, other) for one, other in zip(*ends, strict=True)
        )
        return pd.DataFrame(
            {"estimate": estimate, "std_error": error, "low": low, "high": high},
            index=pd.Index(self.params_.index, name="parameter"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fitted model as plain data that JSON can hold; no training rows.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        """
        parameters = self._parameters()
        return {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "model": type(self).__name__,
            "options": self.get_params(),
            "parameters": dict(zip(self._names(), parameters, strict=True)),
            "covariance": self.covariance_.to_numpy().tolist(),
            "log_likelihood": self.log_likelihood_,
            "n_customers": self.n_customers_,
            **{name.rstrip("_"): getattr(self, name) for name in self._also_saved},
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the model that :meth:`to_dict` described.

        Raises
        ------
        DataError
            When the data are of another model, of a later format, or incomplete.
        """
        got = data.get("format"), data.get("model")
        if got != (FORMAT, cls.__name__):
            raise DataError(
                "the data describe another model", where="model", got=got[1], expected=cls.__name__
            )
        if data.get("version") != FORMAT_VERSION:
            raise DataError(
                "the data are of a format that this version does not read",
                where="version",
                got=data.get("version"),
                expected=str(FORMAT_VERSION),
            )
        try:
            options = data["options"].items()  # JSON has lists in the place of tuples
            options = {name: tuple(v) if isinstance(v, list) else v for name, v in options}
            model = cls(**options)
            names = model._names()
            values = np.array([float(data["parameters"][name]) for name in names])
            model.params_ = pd.Series(values, index=names, name="estimate")
            model.covariance_ = pd.DataFrame(data["covariance"], index=names, columns=names)
            model.log_likelihood_ = data["log_likelihood"]
            model.n_customers_ = data["n_customers"]
            for name in cls._also_saved:
                setattr(model, name, data[name.rstrip("_")])
        except KeyError as error:
            raise DataError("the data lack an entry", where=str(error.args[0])) from error
        outside = ~np.isfinite(values) | (model._scale().positive & (values <= 0))
        if outside.any():
            raise DataError(
                "the data hold a parameter that the model cannot have",
                where=f"parameters, {names[int(outside.argmax())]}",
                got=float(values[outside.argmax()]),
                expected="a number greater than 0",
            )
        return model

    def _repr_html_(self) -> str:
        name = type(self).__name__
        if not hasattr(self, "params_"):
            return html.block(html.note(f"{name}, not fitted yet: call fit(rfm)."))
        level = 0.95
        rows: list[list[str | html.Cell]] = [
            [
                html.Cell(str(parameter), self._meaning(str(parameter))),
                decimal(row["estimate"], 4),
                decimal(row["std_error"], 2),
                f"{decimal(row['low'])} to {decimal(row['high'])}",
            ]
            for parameter, row in self.summary(level).iterrows()
        ]
        caption = (
            f"{name}: {count(self.n_customers_)} customers,"
            f" log-likelihood {self.log_likelihood_:,.2f}"
        )
        header = ["parameter", "estimate", "std. error", f"{share(level)} interval"]
        return html.block(html.table(header, rows, caption=caption, numeric=[1, 2, 3]))

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """Show the table in place of scikit-learn's diagram."""
        return {"text/plain": repr(self), "text/html": self._repr_html_()}
