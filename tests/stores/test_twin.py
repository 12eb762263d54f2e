from longshore.testing.twin import twin

TestSqliteTwin = twin("sqlite:///{folder}/jobs.db?synchronous=normal")
TestMemoryTwin = twin("memory://", examples=10)
