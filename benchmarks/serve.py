"""A worker process as the command line starts one: ``python -m benchmarks.serve CONCURRENCY``."""

from __future__ import annotations

import sys

from benchmarks.tasks import app
from longshore.worker.service import serve

if __name__ == "__main__":
    serve(app.worker(concurrency=int(sys.argv[1])))
