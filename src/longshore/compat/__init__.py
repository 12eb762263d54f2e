"""Other libraries' words over the same engine, for code that moves here."""
