"""How fast Longshore is, beside bare SQLite doing the same work in the same run: ``python -m benchmarks``."""
