import pytest

from longshore.testing.twin import twin

URL = "sqlite:///{folder}/jobs.db?synchronous=normal"

TestSqliteTwin = twin(URL, examples=60)
TestSqliteTwinForLong = pytest.mark.full(twin(URL, examples=500))
TestMemoryTwin = twin("memory://", examples=10)
