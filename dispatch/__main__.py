"""`python -m dispatch`: the same as the `dispatch` command."""

from dispatch.cli import app

app(prog_name="dispatch")
