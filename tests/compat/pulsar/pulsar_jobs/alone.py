"""Jobs that do not overlap."""

from longshore.compat.pulsar import tasks


class Alone(tasks.Job):
    can_overlap = False

    def __call__(self, consumer, a=0):
        return a


class OtherAlone(tasks.Job):
    can_overlap = False

    def __call__(self, consumer, a=0):
        return a


class AloneByArguments(tasks.Job):
    can_overlap = False
    lock_by = "kwargs"

    def __call__(self, consumer, a=0, b=0):
        return a


class Sometimes(tasks.Job):
    can_overlap = lambda inputs=None, **kw: inputs is not None  # noqa: E731

    def __call__(self, consumer, inputs=None, other=None):
        return inputs


class AskedAsMethod(tasks.Job):
    def can_overlap(self, **kwargs):
        return self.name == "askedasmethod" and bool(kwargs)

    def __call__(self, consumer, inputs=None):
        return inputs
