"""The Django app."""

from django.apps import AppConfig


class HueyConfig(AppConfig):
    """Finds its commands when the consumer starts; programs that enqueue import them themselves."""

    name = "longshore.compat.huey.djhuey"
    label = "djhuey"
    verbose_name = "Background commands"
