"""The one exception that reaches the user as a sentence instead of a traceback."""


class ThroughlineError(Exception):
    """Something a person can mend; its text names the place and the remedy."""
