"""The one kind of error that ends a start: something on this machine is not as it must be."""


class LocalError(RuntimeError):
    """The message is for the person at the keyboard: what is wrong, and what to do."""
