"""Plain jobs."""

from datetime import timedelta

from longshore.compat.pulsar import tasks


class Addition(tasks.Job):
    def __call__(self, consumer, a=0, b=0):
        "Add two numbers"
        return a + b


class Failing(tasks.Job):
    def __call__(self, consumer):
        raise ValueError("no such luck")


class Impatient(tasks.Job):
    timeout = timedelta(seconds=0.2)

    def __call__(self, consumer):
        return "in time"


class Base(tasks.Job):
    abstract = True

    def __call__(self, consumer, word="x"):
        return f"{self.name} {word}"


class Derived(Base):
    name = "Shop.Derived"


class Stubborn(tasks.Job):
    max_retries = 2
    retry_delay = 0.0

    def __call__(self, consumer, path=""):
        with open(path, "a") as file:
            file.write(".")
        with open(path) as file:
            if len(file.read()) < 3:
                raise RuntimeError("not yet")
        return "at last"
