import pytest

pytest.register_assert_rewrite("longshore.testing.conformance")
