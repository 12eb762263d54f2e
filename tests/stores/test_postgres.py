import pytest

from longshore.stores import open_store
from longshore.testing.conformance import SharedStoreConformance, StoreConformance
from longshore.testing.effort import postgres_reads
from longshore.testing.twin import twin
from servers import postgres


class TestPostgres(StoreConformance, SharedStoreConformance):
    @pytest.fixture(autouse=True)
    def place(self):
        self.url = postgres.place()

    def count(self, store, work):
        return postgres_reads(store, work)


def placed(folder, clock):
    return open_store(postgres.place(folder), clock=clock)


TestPostgresTwin = twin("{folder}", placed, examples=40)
TestPostgresTwinForLong = pytest.mark.full(twin("{folder}", placed, examples=500))
