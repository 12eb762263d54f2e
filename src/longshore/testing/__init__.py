"""What proves a store, and what makes tests of background work short: shipped, because others write stores and tests too.

``clock``        a clock that moves only when told
``failpoints``   stop, kill or fail the program at a named point
``conformance``  every promise of `stores.base` as examples; subclass `conformance.StoreConformance` for a store
``twin``         any store and the memory store in lock-step, driven by Hypothesis

The last two need pytest and hypothesis.
"""
