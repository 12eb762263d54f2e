"""Measurements on SQLite."""
