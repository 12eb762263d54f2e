"""Tasks: what can be run, by name, and the verbs that make jobs of it."""

from longshore.task.book import Book
from longshore.task.call import Call, requests_of
from longshore.task.core import AsyncTask, SyncTask, Task, Using
from longshore.task.decorator import TaskDecorator
from longshore.task.options import Options
from longshore.task.registry import Registry
from longshore.task.request import Door, Request
from longshore.task.runnable import Runnable

__all__ = [
    "AsyncTask",
    "Book",
    "Call",
    "Door",
    "Options",
    "Registry",
    "Request",
    "Runnable",
    "SyncTask",
    "Task",
    "TaskDecorator",
    "Using",
    "requests_of",
]
