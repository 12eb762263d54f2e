import pytest

from longshore.stores import open_store
from longshore.testing.twin import twin
from servers.shared import in_namespace


def placed(folder, clock):
    return open_store(in_namespace(folder), clock=clock)


TestRedisTwin = twin("{folder}", placed, examples=60)
TestRedisTwinForLong = pytest.mark.full(twin("{folder}", placed, examples=500))
