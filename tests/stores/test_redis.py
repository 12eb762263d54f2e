import pytest

from longshore.testing.conformance import SharedStoreConformance, StoreConformance
from longshore.testing.effort import redis_elements
from servers.shared import in_namespace


class TestRedis(StoreConformance, SharedStoreConformance):
    @pytest.fixture(autouse=True)
    def place(self):
        self.url = in_namespace("{folder}")

    def count(self, store, work):
        return redis_elements(store, work)
