from longshore.testing.conformance import StoreConformance


class TestMemory(StoreConformance):
    url = "memory://"
