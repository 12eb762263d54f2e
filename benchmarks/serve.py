"""A worker process as the command line starts one: ``python -m benchmarks.serve CONCURRENCY``."""

from __future__ import annotations

import sys

from benchmarks.tasks import app
from longshore.worker.service import serve

import os as _o
if _o.environ.get('SWI'): sys.setswitchinterval(float(_o.environ['SWI']))
if _o.environ.get('AHEAD'):
    import longshore.worker.feed as _f; _f.AHEAD_SECONDS=float(_o.environ['AHEAD'])
if __name__ == "__main__":
    serve(app.worker(concurrency=int(sys.argv[1])))
