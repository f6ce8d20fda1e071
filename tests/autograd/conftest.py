"""The mode a test of the misuse table runs in."""
import pytest


@pytest.fixture
def mode(request, ft, subject_name):
    """"strict" or "hardened". On the oracle (--subject torch) strict only."""
    if subject_name != "frankentorch":
        if request.param == "hardened":
            pytest.skip("the oracle has no modes")
        yield request.param
        return
    with ft.runtime.set_mode(request.param):
        yield request.param
