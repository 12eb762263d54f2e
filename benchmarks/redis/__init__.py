"""Measurements on Redis and Valkey."""
