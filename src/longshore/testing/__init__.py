"""What proves a store, and what makes tests of background work short: shipped, because others write stores and tests too.

``clock``        a clock that moves only when told
``failpoints``   stop, kill or fail the program at a named point
``conformance``  every promise of `stores.base` as examples; subclass `conformance.StoreConformance` for a store
``twin``         any store and the memory store in lock-step, driven by Hypothesis
``crash``        worker processes killed and paused at every failpoint, and what must hold afterwards
``freeze``       the same for a store that dies with its process: a worker's threads stand still instead

``conformance`` and ``twin`` need pytest and hypothesis.
"""
