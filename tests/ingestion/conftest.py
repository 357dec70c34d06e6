"""What the tests of loads from APIs share; each module says what its `load` and `loaded` are."""

import shutil

import pytest
from api_loading import serving_in_turn


@pytest.fixture(scope="module")
def serve():
    """Be a function that puts a simulator in the place of the one before, and returns the address."""
    with serving_in_turn() as put:
        yield put


@pytest.fixture
def reload(load, loaded, warehouse):
    """Be a function that loads again what was loaded at noon."""
    warehouse.parent.mkdir()
    shutil.copy(loaded, warehouse)
    return load
