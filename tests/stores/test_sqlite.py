from longshore.testing.conformance import SharedStoreConformance, StoreConformance
from longshore.testing.effort import sqlite_steps


class TestSqlite(StoreConformance, SharedStoreConformance):
    url = "sqlite:///{folder}/jobs.db"
    count = staticmethod(sqlite_steps)
