"""How fast Longshore is, beside the bare drivers doing the same work in the same run: ``python -m benchmarks``."""
