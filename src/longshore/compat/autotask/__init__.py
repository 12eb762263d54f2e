"""The words of django-autotask over Longshore.

In INSTALLED_APPS write ``"longshore.compat.autotask"`` for ``"autotask"``, and change ``autotask`` to
``longshore.compat.autotask`` in the imports. It is `longshore.integrations.django`, with a worker started and watched by
Django itself unless settings say otherwise.
"""
