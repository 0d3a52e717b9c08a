"""What `dispatch standby` says of servers, keys and promotions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from dispatch.commands.plainly import say

if TYPE_CHECKING:
    from dispatch.local.standby_machine import MachinePostgres
    from dispatch.local.standby_servers import SeatPostgres
    from dispatch.local.standby_switch import Promoted

_STATE = """
SELECT CASE WHEN pg_is_in_recovery() THEN 'recovery' ELSE 'primary' END,
       coalesce((SELECT state || ' ' || sync_state FROM pg_stat_replication
                  WHERE application_name LIKE 'semar_standby%' LIMIT 1), 'standby: -')
"""


def keys_are_here(server: MachinePostgres) -> bool:
    """Say what the services of this machine could not read for want of keys; return whether they could."""
    from dispatch.local.standby_machine import keys_missing
    from dispatch.settings import settings

    server.locate()
    lacks = keys_missing(server, settings())
    for words in lacks:
        say(f"Kunci tidak ada di mesin ini: {words}", f"keys are not on this machine: {words}")
    return not lacks


def report(done: Promoted) -> None:
    """Tell how a promotion went, and what may be missing."""
    if not done.at_once:
        say(
            "Cadangan menjadi primer saat sistem dijalankan lagi: dispatch run",
            "the standby becomes the primary when the system is started again: dispatch run",
        )
        return
    if done.planned:
        order = ("berhenti dengan tertib", "ended in order")
    elif done.answered:
        order = ("dihentikan sebelum menyerahkan semuanya", "was ended before it had handed everything over")
    else:
        order = ("tidak menjawab", "did not answer")
    say(
        f"Cadangan kini primer ({done.seconds:.1f} s); primer lama {order[0]} dan dipagari. "
        "Layanan mengikuti sendiri",
        f"the standby is the primary now ({done.seconds:.1f} s); the old one {order[1]} and is fenced. "
        "Services follow by themselves",
    )
    if not done.planned and done.note is not None and done.note.synchronous:
        say(
            "Tidak ada yang dikonfirmasi yang hilang",
            f"nothing acknowledged is missing: in step {done.note.since}",
        )
    elif not done.planned:
        since = done.note.since if done.note else "?"
        say(
            f"Yang dikonfirmasi sejak {since} mungkin hilang: 'dispatch log verify' menyebutnya",
            f"what was acknowledged since {since} may be missing: 'dispatch log verify' names it",
        )
    say(
        "Sekarang satu salinan saja: perbaiki yang lama, lalu 'dispatch standby rejoin'",
        "there is one copy only now: repair the old one, then 'dispatch standby rejoin'",
    )


def told(server: SeatPostgres | MachinePostgres, seat: str, role: str) -> bool:
    """Tell what a server says of itself; return whether it is a primary with a standby in step."""
    from dispatch.local.postgres import PostgresError

    server.locate()
    try:
        kind, _, follower = server.execute(_STATE, timeout_s=5.0).partition("|")
    except PostgresError as away:
        typer.echo(f"{seat}  {role}  {server.data}: tidak menjawab / does not answer ({away})")
        return False
    behind = f", {follower}" if kind == "primary" else ""
    typer.echo(f"{seat}  {role}  {server.data}: {kind}{behind}")
    return kind == "primary" and follower.startswith("streaming sync")
