"""So that `from pulsar.apps import tasks` needs a new package name only."""
