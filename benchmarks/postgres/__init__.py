"""Measurements on PostgreSQL."""
