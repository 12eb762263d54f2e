"""What a worker tells a person, on standard output."""
