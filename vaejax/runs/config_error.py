"""The error of a configuration; this imports nothing, so that a mistake is told at once."""


class ConfigError(ValueError):
    """A configuration that cannot be run; the message begins with the offending key."""
