"""Before the play: the system is well, it is a training tenant, everybody signs in, and a scene is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from registry import mask_nik
from registry.population import from_bundle
from rehearsal import shapes
from rehearsal.cast import DRILL_DRIVER, Accounts, adults, new_password, registration
from rehearsal.client import Client, FacilityClient, OfficeClient, OperatorClient, ResidentClient
from rehearsal.crew import report_for_duty
from rehearsal.findings import Mismatch, NotPossible, Refused, demand, demand_equal
from rehearsal.leaving import end_run
from rehearsal.scene import Plan, make_plan, village_points
from rehearsal.stage import Company, Console, Driver, Resident, Stage
from rehearsal.track import Spot

_PEOPLE_TRIED = 50
_UNITS_TRIED = 6


@dataclass(frozen=True, slots=True)
class _Desks:
    facility: FacilityClient
    facility_id: UUID
    office: OfficeClient


async def prepare(stage: Stage) -> Company:
    """Make everything ready to play.

    Raises:
        NotPossible: the tenant is not there, is a live one, or an account is missing.
        StepFailed: the system failed.
    """
    stage.timeline.act("Persiapan", "preparation")
    tenant = await _training_tenant(stage)
    stage.accounts = Accounts(stage.wishes.accounts, tenant.slug)
    console = await _open_console(stage)
    desks = await _open_desks(stage)
    driver = await _call_driver(stage, console)
    plan = await _choose_scene(stage, console, desks.facility_id)
    resident = await _register(stage)
    await _sign_on(stage, console, driver, plan)
    factor = plan.speed_factor(stage.wishes.speed)
    stage.timeline.say(f"          {factor:g}x lebih cepat dari nyata / faster than life")
    return Company(
        tenant, console, desks.facility, desks.facility_id, desks.office, driver, resident, plan, factor
    )


async def _training_tenant(stage: Stage) -> shapes.Tenant:
    public = Client(stage.connection)
    wanted = stage.wishes.regency
    with stage.timeline.step("Sistem sehat", "the system is well") as step:
        health = await public.health()
        demand_equal("health", health.get("status"), "ok")
        step.see(stage.connection.address)
        tenants = {tenant.slug: tenant for tenant in await public.tenants()}
    if wanted not in tenants:
        raise NotPossible(
            f"tidak ada regency {wanted}: jalankan 'dispatch regency load', lalu 'dispatch demo-accounts'",
            f"there is no tenant {wanted} (there are {', '.join(sorted(tenants)) or 'none'}): "
            "run 'dispatch regency load', then 'dispatch demo-accounts'",
        )
    if not tenants[wanted].training:
        raise NotPossible(
            f"{wanted} adalah regency nyata: latihan hanya dimainkan di regency latihan ({wanted}-latihan)",
            f"{wanted} is a live tenant: drills are played in training tenants only ({wanted}-latihan)",
        )
    return tenants[wanted]


async def _open_console(stage: Stage) -> Console:
    with stage.timeline.step(
        "Operator masuk dan membuka papan", "operator signs in, opens the board"
    ) as step:
        account = stage.accounts.one("operator")
        signed_in = await stage.sign_in(account)
        demand(signed_in.training, "the session is of a training tenant", True, signed_in.training)
        client = OperatorClient(stage.connection, signed_in.session.token)
        socket = await stage.open_socket("/ws/operator", token=signed_in.session.token)
        board = await client.board()
        demand_equal("the board's regency", board.regency, stage.wishes.regency)
        demand(bool(board.units), "units on the board", "some", 0)
        step.see(f"{account.username}, {len(board.units)} unit, peristiwa / event {board.seq}")
    welcome = socket.frames[0]
    stage.console = Console(client, socket, int(welcome["seq"]))
    return stage.console


async def _open_desks(stage: Stage) -> _Desks:
    with stage.timeline.step("Faskes dan dinkes masuk", "facility and health office sign in") as step:
        account = stage.accounts.one("facility")
        facility = FacilityClient(stage.connection, (await stage.sign_in(account)).session.token)
        desk = await facility.desk()
        office_account = stage.accounts.one("health_office")
        office = OfficeClient(stage.connection, (await stage.sign_in(office_account)).session.token)
        step.see(f"{account.username} = {desk.name}, {office_account.username}")
    return _Desks(facility, desk.facility_id, office)


async def _call_driver(stage: Stage, console: Console) -> Driver:
    """Sign in a driver whom nobody else plays; a run that a killed rehearsal left to them is ended first."""
    with stage.timeline.step(
        "Pengemudi masuk dan membuka soket", "driver signs in, opens the socket"
    ) as step:
        for account, claim in stage.accounts.drivers():
            stage.claims.append(claim)
            signed_in = await stage.sign_in(account)
            token = signed_in.session.token
            crew = await report_for_duty(stage.connection, token)
            stage.sockets.append(crew.socket)
            desk = await crew.desk("the desk at once", lambda desk: True)
            if desk.aboard is not None and account.username != DRILL_DRIVER:
                claim.release()  # somebody is at work with this account
                continue
            if desk.run is not None:
                await end_run(console.client, desk.run.incident_id)
            demand(signed_in.staff_id is not None, "the driver's id", "an id", None)
            staff_id = signed_in.staff_id or UUID(int=0)
            stage.driver = Driver(account, Client(stage.connection, token), staff_id, crew)
            step.see(account.username)
            return stage.driver
        raise Mismatch("a driver", "an account that nobody plays", "all are at work")


async def _choose_scene(stage: Stage, console: Console, facility_id: UUID) -> Plan:
    with stage.timeline.step("Memilih tempat, unit dan faskes", "choose scene, unit and facility") as step:
        villages = village_points(stage.wishes.bundle, stage.dice)
        plan = await make_plan(console.client, villages, facility_id, stage.wishes.speed)
        step.see(f"{plan.village.name}, {plan.unit.call_sign} {plan.to_scene_s / 60:.0f} min")
        step.see(f"{plan.destination.name} {plan.to_facility_s / 60:.0f} min")
    return plan


async def _register(stage: Stage) -> Resident:
    people = from_bundle([stage.wishes.bundle])
    public = Client(stage.connection)
    with stage.timeline.step(
        "Warga mendaftar, registri menjawab", "resident registers, registry answers"
    ) as step:
        password = new_password()
        for tried, person in enumerate(adults(people, stage.dice), start=1):
            try:
                registered = await public.register(registration(person, stage.wishes.regency, password))
            except Refused as refused:
                if refused.status != 409 or tried == _PEOPLE_TRIED:
                    raise
                continue
            break
        demand_equal("the registry's answer", registered.verification.result, "match")
        demand_equal("trust", registered.verification.trust, "verified")
        step.see(f"{person.name}, NIK {mask_nik(person.nik)}: {registered.verification.words_id}")
        stage.sessions.append(Client(stage.connection, registered.session.token))
    with stage.timeline.step("Warga masuk di perangkat lain", "resident signs in on another device"):
        signed_in = await public.sign_in_resident(stage.wishes.regency, person.phone, password)
        client = ResidentClient(stage.connection, signed_in.session.token)
        stage.sessions.append(client)
    return Resident(client, person.name, person.phone)


async def _sign_on(stage: Stage, console: Console, driver: Driver, plan: Plan) -> None:
    """Board the nearest free unit; one that somebody else boarded at the same moment is left to them."""
    with stage.timeline.step(
        "Pengemudi naik unit dan mengirim posisi", "driver boards, streams positions"
    ) as step:
        for unit in (plan.unit, *plan.spare_units[: _UNITS_TRIED - 1]):
            since = driver.crew.socket.mark
            driver.unit = unit
            aboard = await driver.crew.sign_on(unit.call_sign)
            demand_equal("the unit signed on to", aboard.call_sign, unit.call_sign)
            boarding = await console.boarding(driver.staff_id, unit.id)
            if boarding.kind == "shift_opened":
                break
            step.see(f"{unit.call_sign} sudah diawaki / is manned already")
            await driver.crew.sign_off()
        else:
            raise Mismatch(
                "a free unit", "one that nobody boards at the same moment", f"{_UNITS_TRIED} taken"
            )
        await driver.crew.desk("the desk shows the unit", lambda d: d.aboard is not None, since=since)
        for _ in range(3):
            await driver.crew.report_position(Spot(unit.lon, unit.lat, 0.0), 0.0)
        saved = await driver.crew.all_saved()
        standing = await console.client.unit(unit.id)
        demand_equal(f"status of {unit.call_sign}", standing.status, "available")
        demand_equal(f"position of {unit.call_sign}", standing.position_quality, "live")
        step.see(f"{unit.call_sign}, {saved} posisi tersimpan / fixes saved")
