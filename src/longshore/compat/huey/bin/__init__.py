"""The consumer and its configuration."""
