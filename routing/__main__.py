"""The command line: build a road store, ask it, match tracks on it, measure it."""

from __future__ import annotations

import typer

from routing.commands.bench import bench
from routing.commands.build import build, info
from routing.commands.calibrate import calibrate
from routing.commands.match import match
from routing.commands.matrix import matrix, reach
from routing.commands.route import nearest, route
from routing.errors import RoutingError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Jaringan jalan: bangun dan tanya. | Road network: build and ask.",
)
# a western longitude or a swapped pair starts with a minus sign and is no option
_POINTS = {"ignore_unknown_options": True}

app.command()(build)
app.command()(info)
app.command(context_settings=_POINTS)(route)
app.command(context_settings=_POINTS)(nearest)
app.command(context_settings=_POINTS)(matrix)
app.command(context_settings=_POINTS)(reach)
app.command()(match)
app.command()(calibrate)
app.command()(bench)


def main() -> None:
    """Run the command line; what is wrong with the input is said in one line, without a traceback."""
    try:
        app()
    except RoutingError as error:
        typer.echo(str(error), err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
