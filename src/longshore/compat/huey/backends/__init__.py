"""Queues and data stores: Longshore's own, and the base classes for a user's."""
