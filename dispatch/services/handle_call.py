"""What the operator does with a call before there is an incident: take, call back, dispose, reopen."""

from __future__ import annotations

from uuid import UUID

from dispatch.domain.call import CallbackOutcome, CallState, CallStep, Disposal, step_call
from dispatch.domain.errors import Conflict, ContentDiffers
from dispatch.domain.events import EventKind
from dispatch.domain.roles import Actor
from dispatch.services.centre import Centre
from dispatch.services.deadlines import watch_call, watch_cancel
from dispatch.services.tenants import TenantEntry
from dispatch.storage.queries.call_commands import command_told
from dispatch.storage.tables.call import Call, Callback
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.staff import StaffUser
from dispatch.storage.transaction import Transaction


async def take_call(
    centre: Centre, entry: TenantEntry, actor: Actor, call_id: UUID, *, cause: str
) -> CallState:
    """Take a ringing call. Taking one's own call again is harmless.

    Raises:
        Conflict: another operator took it first; the answer names them.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        call = await tx.get(Call, call_id, lock=True)
        if call.taken_by is not None and call.state != CallState.DISPOSED:
            if call.taken_by == actor.id:
                return CallState(call.state)
            colleague = await tx.get(StaffUser, call.taken_by)
            raise Conflict(
                f"Panggilan ini sudah diambil {colleague.display_name}",
                f"{colleague.display_name} has taken this call already",
                taken_by=colleague.display_name,
            )
        call.state = step_call(CallState(call.state), CallStep.TAKE).value
        await _now_taken(tx, call, actor)
        await tx.record(EventKind.CALL_TAKEN, call, data={"by": str(actor.id)})
        return CallState(call.state)


async def _now_taken(tx: Transaction, call: Call, actor: Actor) -> None:
    call.taken_by = actor.id
    call.taken_at = call.taken_at or tx.now
    watch_call(tx, call)


async def record_callback(
    centre: Centre,
    entry: TenantEntry,
    actor: Actor,
    call_id: UUID,
    outcome: CallbackOutcome,
    note: str | None,
    *,
    cause: str,
    callback_id: UUID | None = None,
) -> UUID:
    """Record one attempt to call back and return its id. No outcome closes a case by itself.

    With an id made by the client, the same attempt told again is recorded once.

    Raises:
        ContentDiffers: the id was used for another attempt.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        call = await tx.get(Call, call_id, lock=True)
        if callback_id is not None and (told := await tx.find(Callback, callback_id)) is not None:
            if (told.call_id, told.outcome) != (call_id, outcome.value):
                raise ContentDiffers(
                    f"Nomor telepon balik {callback_id} sudah dipakai untuk yang lain; buat nomor baru",
                    f"Call-back id {callback_id} was used for another attempt; make a new id",
                )
            return told.id
        key = await tx.person(call.key_id)
        if actor.id is None:
            raise Conflict("Hanya petugas yang menelepon balik", "Only staff call back")
        row = Callback(
            regency_id=tx.tenant.id,
            id=callback_id or tx.id(),
            call_id=call.id,
            staff_id=actor.id,
            attempted_at=tx.now,
            outcome=outcome.value,
            key_id=call.key_id,
            note_sealed=key.seal(note, "callback.note") if note and key else None,
        )
        await tx.add(row)
        if call.incident_id is not None:
            await watch_cancel(tx, call, await tx.get(Incident, call.incident_id, lock=True))
        await tx.record(
            EventKind.CALLBACK_RECORDED,
            row,
            incident_id=call.incident_id,
            data={"call_id": str(call.id), "outcome": outcome.value},
        )
        return row.id


async def dispose_call(
    centre: Centre,
    entry: TenantEntry,
    actor: Actor,
    call_id: UUID,
    disposal: Disposal,
    *,
    cause: str,
    command_id: UUID | None = None,
) -> CallState:
    """End a call that needs no help, with a coded reason.

    With an id made by the client, the same command told again is answered as the first time and changes
    nothing, also after the call was taken up again.

    Raises:
        IllegalStep: the call is linked to an incident, or disposed already.
        ContentDiffers: the id was used for another command.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        call = await tx.get(Call, call_id, lock=True)
        if await _told_before(tx, call, command_id, EventKind.CALL_DISPOSED, disposal=disposal.value):
            return CallState.DISPOSED
        call.state = step_call(CallState(call.state), CallStep.DISPOSE).value
        call.disposal = disposal.value
        call.disposed_at = tx.now
        watch_call(tx, call)
        data = {"disposal": disposal.value, "by": "operator", **_named(command_id)}
        await tx.record(EventKind.CALL_DISPOSED, call, data=data)
        return CallState(call.state)


async def reopen_call(
    centre: Centre,
    entry: TenantEntry,
    actor: Actor,
    call_id: UUID,
    *,
    cause: str,
    command_id: UUID | None = None,
) -> CallState:
    """Take up a disposed call again: it was a mistake, or the caller is back.

    With an id made by the client, the same command told again is answered as the first time and changes
    nothing, also after the call was disposed of again.

    Raises:
        IllegalStep: the call is not disposed of.
        ContentDiffers: the id was used for another command.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        call = await tx.get(Call, call_id, lock=True)
        if await _told_before(tx, call, command_id, EventKind.CALL_REOPENED):
            return CallState.TAKEN
        call.state = step_call(CallState(call.state), CallStep.REOPEN).value
        call.disposal = None
        call.disposed_at = None
        call.cancel_asked_at = None
        await _now_taken(tx, call, actor)
        data = {"by": str(actor.id), **_named(command_id)}
        await tx.record(EventKind.CALL_REOPENED, call, data=data)
        return CallState(call.state)


def _named(command_id: UUID | None) -> dict[str, str]:
    return {"command_id": str(command_id)} if command_id is not None else {}


async def _told_before(
    tx: Transaction, call: Call, command_id: UUID | None, kind: EventKind, **said: str
) -> bool:
    """Whether this very command had its effect: a repeat may come after its opposite was done."""
    if command_id is None:
        return False
    told = await command_told(tx.session, tx.tenant.id, call.id, command_id)
    if told is None:
        return False
    if told.kind is not kind or any(told.data.get(key) != value for key, value in said.items()):
        raise ContentDiffers(
            f"Nomor perintah {command_id} sudah dipakai untuk yang lain; buat nomor baru",
            f"Command id {command_id} was used for another command; make a new id",
        )
    return True
