import dataclasses

import pytest

from segml._core.errors import ParameterError
from segml.data import CleaningPolicy
from segml.reporting.cleaning_params import CleaningParams
from segml.reporting.params_file import validate_params


def test_every_choice_of_the_policy_is_a_parameter_with_its_words() -> None:
    names = {field.name for field in dataclasses.fields(CleaningPolicy)} - {"currency"}
    assert set(CleaningParams.model_fields) == names
    for name, field in CleaningParams.model_fields.items():
        assert field.description, name


def test_the_defaults_are_the_policys() -> None:
    assert CleaningParams().policy("EUR") == CleaningPolicy()


@pytest.mark.parametrize(
    ("cleaning", "said"),
    [
        ({"outlier_quantile": 2.0}, "outlier_quantile"),
        ({"outliers": "winsorize"}, "did you mean 'winsorise'"),
        ({"rates": {"USD": -1.0}}, "cleaning"),
        ({"latest": "2026-02-31"}, "a day that exists"),
        ({"zero_revenu": "keep"}, "did you mean 'zero_revenue'"),
    ],
)
def test_what_the_policy_refuses_the_parameters_refuse(cleaning: dict, said: str) -> None:
    values = {"report": "a", "title": "A", "data": {"source": "cdnow", "cleaning": cleaning}}
    with pytest.raises(ParameterError, match="cleaning") as found:
        validate_params(values)
    assert said in str(found.value)
