"""Periodic jobs."""

from datetime import timedelta

from longshore.compat.pulsar import tasks


class Often(tasks.PeriodicJob):
    run_every = timedelta(seconds=0.2)

    def __call__(self, consumer):
        return "tick"


class Hourly(tasks.PeriodicJob):
    "Once an hour."

    run_every = 3600
    anchor = tasks.anchorDate(minute=25)
    can_overlap = False

    def __call__(self, consumer):
        return "hour"


class Choosy(tasks.PeriodicJob):
    run_every = 3600

    def can_overlap(self):
        return False

    def __call__(self, consumer):
        return "choice"
