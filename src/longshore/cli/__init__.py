"""The command ``longshore``. Each file is a noun; nothing is imported before a command needs it."""
