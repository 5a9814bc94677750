"""The one exception that a user is meant to read: what was found, where, and what is allowed."""


class DistilleryError(Exception):
    """Bad input. The message names the file, row or key, what was found there and what is allowed."""
