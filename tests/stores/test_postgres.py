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


TestPostgresTwin = twin(
    "{folder}", lambda folder, clock: open_store(postgres.place(folder), clock=clock), examples=100
)
