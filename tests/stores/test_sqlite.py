from longshore.testing.conformance import SharedStoreConformance, StoreConformance
from longshore.testing.effort import sqlite_steps


class TestSqlite(StoreConformance, SharedStoreConformance):
    url = "sqlite:///{folder}/jobs.db"

    def count(self, store, work):
        return sqlite_steps(store, work)
