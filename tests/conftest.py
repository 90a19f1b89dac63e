"""What the tests of several packages share."""

import pytest
from hypothesis import settings

from segml.data import CustomerData, load_cdnow, load_cdnow_sample
from segml.engine import Engine

# Examples are the same on every run, and a busy machine fails no test by its pace.
settings.register_profile("segml", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("segml")


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture(scope="session")
def cdnow() -> CustomerData:
    return load_cdnow()


@pytest.fixture(scope="session")
def cdnow_sample() -> CustomerData:
    return load_cdnow_sample()
