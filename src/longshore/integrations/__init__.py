"""Longshore inside other frameworks: one module each, imported by name, so that nobody pays for the others."""
