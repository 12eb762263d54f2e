"""Middleware: what wraps every run and every enqueue."""

from longshore.middleware.base import Middleware

__all__ = ["Middleware"]
