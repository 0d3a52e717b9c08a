"""Which states of which page are pictured, and how the system is brought into them."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, Route

from scripts.make_shots.camera import HERE, LOOKS, Camera, Shot
from scripts.make_shots.scene import TOWN, Desk, NotPossible, Scene

TO_PATIENT = ("accepted", "en_route", "on_scene", "at_patient")
# what the driver's page shows once it knows whether its user is on a unit
_CAB = "fieldset, .sign, .offer, .run"
PHONES = ("phone-light", "phone-night")
_REPLAYED = ".replay .tick"


def take_start(camera: Camera, _: Scene) -> None:
    """The page that leads to the others."""
    camera.take(Shot("start", "/", ".badge.ok"))


def _kept(page: str, who: Desk, **more: Any) -> dict[str, Any]:
    return {f"semar.session.{page}": who.session} | more


def take_office(camera: Camera, scene: Scene) -> None:
    """The sign-in, a report, an empty period, a case replayed without its persons."""
    kept = _kept("office", scene.sign_in("health_office"))
    camera.take(Shot("dinas-sign-in", "/dinas", "form"))
    camera.take(Shot("dinas", "/dinas", "table, .none", kept))
    camera.take(Shot("dinas-chart", "/dinas", "table", kept, lambda page: _scroll(page, "figure")))
    camera.take(Shot("dinas-empty", "/dinas?from=2020-01-01&to=2020-01-07", ".none", kept))
    case = scene.case(scene.call("Cempaka", "sesak napas", 0.01, 0.01), "red")
    scene.run(case, *TO_PATIENT)
    camera.take(Shot("dinas-replay", f"/dinas#replay={case}", _REPLAYED, kept, _to_the_end))
    scene.end()


def take_facility(camera: Camera, scene: Scene) -> None:
    """Nobody coming, runs to be answered, a refusal being chosen, a handover to countersign, cut off."""
    kept = _kept("facility", scene.facility)
    camera.take(Shot("faskes-quiet", "/faskes", ".desk", kept))
    red = scene.case(scene.call("Kenanga", "jatuh dari motor", 0.02, 0.01), "red", patients=2)
    scene.run(red, *TO_PATIENT, "left_scene")
    yellow = scene.case(scene.call("Dahlia", "demam tinggi", -0.03, -0.02), "yellow")
    accepted = scene.run(yellow, *TO_PATIENT, "left_scene")
    scene.facility.ask("POST", f"/facility/legs/{scene.legs()[accepted]}/acceptance", {"bed": "IGD 3"})
    green = scene.case(scene.call("Anggrek", "kontrol luka", 0.01, -0.03), "green")
    scene.run(green, *TO_PATIENT, "left_scene", "at_facility", "handed_over")
    camera.take(Shot("faskes", "/faskes", "article", kept))
    camera.take(Shot("faskes-refusing", "/faskes", "article", kept, lambda page: _press(page, "Tolak…")))
    camera.take(Shot("faskes-cut-off", "/faskes", "article", kept, _cut_off, complains=True))
    scene.end()


def take_operator(camera: Camera, scene: Scene) -> None:
    """The queue with a ringing call, the call in hand, the ranked units, a run on its way, places by name."""
    kept = _kept("operator", scene.operator)
    camera.take(Shot("operator-sign-in", "/operator", "form"))
    under_way = scene.case(scene.call("Seruni", "sesak napas", 0.015, 0.005), "red")
    scene.run(under_way, *TO_PATIENT[:2])
    waiting = scene.case(scene.call("Teratai", "kaki terkilir", -0.02, 0.01), "yellow")
    ringing = scene.call("Kemuning", "pingsan di pasar", 0.005, -0.01)
    camera.take(Shot("operator", "/operator", ".page-operator", kept))
    camera.take(Shot("operator-call", f"/operator#call={ringing}", ".page-operator", kept))
    camera.take(Shot("operator-units", f"/operator#incident={waiting}", ".page-operator", kept))
    camera.take(Shot("operator-run", f"/operator#incident={under_way}", ".page-operator", kept))
    camera.take(Shot("operator-entry", "/operator#entry", ".page-operator", kept, _name_a_place))
    camera.take(Shot("operator-find", f"/operator#call={ringing}", ".page-operator", kept, _find_on_the_map))
    scene.end()


def take_trouble(camera: Camera, scene: Scene) -> None:
    """Alarms and a crew to be phoned, past cases, a replay, what the system lacks, a paper form."""
    kept = _kept("operator", scene.operator)
    called_off = scene.case(scene.call("Wijaya", "patah kaki", 0.012, -0.004), "yellow")
    scene.stand_down(scene.run(called_off, *TO_PATIENT[:2]))
    under_way = scene.case(scene.call("Seruni", "sesak napas", 0.015, 0.005), "red")
    scene.run(under_way, *TO_PATIENT[:3])
    scene.unready()
    # the crew is phoned when neither push nor SMS has brought an answer
    camera.take(Shot("operator-alarms", "/operator", "section[aria-label='Telepon awak']", kept))
    camera.take(Shot("operator-past", "/operator#past", ".found li", kept))
    camera.take(Shot("operator-replay", f"/operator#replay={under_way}", _REPLAYED, kept, _to_the_end))
    camera.take(Shot("operator-short", "/operator", ".page-operator", kept, _everything_short))
    camera.take(Shot("operator-paper", "/operator#paper", "[name=number]", kept, _from_paper))
    scene.end()


def take_resident(camera: Camera, scene: Scene) -> None:
    """Before registering, the button, the nearest facilities, following an ambulance."""
    camera.take(Shot("warga-welcome", "/warga", "h1"))
    who = scene.resident()
    kept = _kept("resident", who)
    camera.take(Shot("warga", "/warga", "nav", kept))
    camera.take(Shot("warga-facilities", "/warga#faskes", "h1", kept))
    camera.take(Shot("warga-account", "/warga#akun", "nav", kept))
    call_id = scene.app_call(who)
    running = {
        "id": call_id,
        "tappedAt": int(time.time() * 1000),
        "stored": True,
        "cancelling": False,
        "place": {"lon": TOWN[0] + 0.004, "lat": TOWN[1] - 0.003, "pinned": False, "sent": True},
    }
    kept[f"semar.call.{who.session['id']}"] = running
    camera.take(Shot("warga-calling", "/warga", ".words", kept))
    scene.run(scene.case(call_id, "red"), *TO_PATIENT[:2])
    camera.take(Shot("warga-following", "/warga", ".words", kept))
    scene.end()


def take_driver(camera: Camera, scene: Scene) -> None:
    """Signing on, waiting, an offer, a run, the arrival its position proposes; its silence, at the desk."""
    camera.take(Shot("pengemudi-sign-in", "/pengemudi", "form"))
    kept, aboard = _idle_driver(camera, scene)
    sign = aboard or _board(camera, scene, kept)
    camera.take(Shot("pengemudi-ready", "/pengemudi", ".sign", kept))
    camera.take(
        Shot("pengemudi-unready", "/pengemudi", ".sign", kept, lambda page: _press(page, "Tidak siap…"))
    )
    case = scene.case(scene.call("Flamboyan", "tertabrak motor", HERE[0] - TOWN[0], HERE[1] - TOWN[1]), "red")
    scene.run(case, call_sign=sign)
    # an offer brings the next unit after 20 s: few pictures of it
    camera.take(Shot("pengemudi-offer", "/pengemudi", ".offer", kept, looks=PHONES))
    with camera.page(Shot("", "/pengemudi", ".offer", kept), LOOKS[2]) as page:
        page.locator(".offer").get_by_role("button", name="Terima").click()
        page.wait_for_selector(".run")
    camera.take(Shot("pengemudi-run", "/pengemudi", ".run", kept))
    with camera.page(Shot("", "/pengemudi", ".run", kept), LOOKS[2]) as page:
        page.get_by_role("button", name="Berangkat").first.click()
        _drive_up(page)
    camera.take(Shot("pengemudi-proposal", "/pengemudi", ".proposal", kept, looks=PHONES))
    desk = _kept("operator", scene.operator)
    camera.take(Shot("operator-silent", f"/operator#incident={case}", ".page-operator", desk, _silence))
    scene.end()
    _come_home(camera, kept, sign_off=aboard is None)


def _idle_driver(camera: Camera, scene: Scene) -> tuple[dict[str, Any], str | None]:
    """Return what an idle driver's device keeps, and the unit if there is one; one without is preferred."""
    found: tuple[dict[str, Any], str | None] | None = None
    for number in range(len(scene.accounts.get("driver", []))):
        kept = _kept("driver", scene.sign_in("driver", number))
        with camera.page(Shot("", "/pengemudi", _CAB, kept), LOOKS[2]) as page:
            if page.locator("fieldset").count():
                return kept, None
            if page.locator(".sign").count() and found is None:
                found = kept, page.locator(".sign").first.inner_text().strip()
    if found is None:
        raise NotPossible("semua pengemudi latihan sedang bertugas / every demo driver is on a run")
    return found


def _board(camera: Camera, scene: Scene, kept: dict[str, Any]) -> str:
    """Sign on to a free unit through the page; return its call sign."""
    boarding = Shot("pengemudi-sign-on", "/pengemudi", "fieldset", kept)
    camera.take(boarding)
    sign = scene.free_app_unit()
    with camera.page(boarding, LOOKS[2]) as page:
        page.get_by_label("Tanda panggil unit").fill(sign)
        page.get_by_role("button", name="Mulai dinas").click()
        page.wait_for_selector(".sign")
        page.wait_for_timeout(3000)  # the first positions are on their way
    return sign


def _come_home(camera: Camera, kept: dict[str, Any], *, sign_off: bool) -> None:
    """Take note that the unit was stood down, and leave it when it was boarded for the pictures."""
    answers = ["Mengerti", *(["Akhiri dinas", "Ya, akhiri dinas"] if sign_off else [])]
    with camera.page(Shot("", "/pengemudi", "main", kept), LOOKS[2]) as page:
        page.wait_for_timeout(2000)
        for words in answers:
            button = page.get_by_role("button", name=words, exact=True)
            if button.count():
                button.first.click()
                page.wait_for_timeout(1500)


def _drive_up(page: Page) -> None:
    """Come to the scene from afar; the wandering is that of a receiver."""
    deadline = time.monotonic() + 90
    metres = 300.0
    while page.locator(".proposal").count() == 0:
        if time.monotonic() > deadline:
            raise NotPossible("posisi tidak mengusulkan langkah / the positions proposed no step")
        latitude = HERE[1] + metres / 111_195
        page.context.set_geolocation({"longitude": HERE[0], "latitude": latitude, "accuracy": 8})
        page.wait_for_timeout(1000)
        metres = metres - 12 if metres > 20 else metres % 7 + 1.5


def _silence(page: Page) -> None:
    page.locator("section.queue").get_by_text("sinyal").first.wait_for(state="attached", timeout=90_000)


def _to_the_end(page: Page) -> None:
    page.keyboard.press("End")


def _everything_short(page: Page) -> None:
    """The page is told what a server would say; nothing of the system that runs is taken from it."""
    parts = {"standby": "down", "disk": "down", "redis": "down"}

    def answer(route: Route) -> None:
        told = route.fetch()
        route.fulfill(response=told, json=told.json() | parts)

    page.route("**/health", answer)
    page.wait_for_selector(".top [role=alert] >> nth=2")


def _from_paper(page: Page) -> None:
    page.locator("[name=number]").fill(f"PWK-L-{time.strftime('%Y%m%d')}-P0210.01")
    page.locator("[name=called_at]").fill("0203")
    page.locator("[name=taken_at]").fill("0201")
    page.locator("[name=caller_name]").fill("Contoh Kamboja")
    page.locator("[name=note]").fill("Latihan: jatuh dari tangga")


def _press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()


def _name_a_place(page: Page) -> None:
    page.get_by_role("combobox", name="Cari desa atau faskes, atau tempel koordinat").fill("citalang")
    page.wait_for_selector("[role=option]")


def _find_on_the_map(page: Page) -> None:
    tab = page.get_by_role("button", name="Peta", exact=True)
    if tab.is_visible():
        tab.click()
    page.locator("#place-find").fill("nagri kelar")
    page.wait_for_selector(".find [role=option]")
    page.keyboard.press("Enter")


def _scroll(page: Page, selector: str) -> None:
    page.locator(selector).first.scroll_into_view_if_needed()
    page.locator(selector).first.evaluate("(element) => element.scrollIntoView({ block: 'start' })")


def _cut_off(page: Page) -> None:
    page.route("**/api/v1/facility/incoming", lambda route: route.abort())
    page.wait_for_selector(".badge.away")
    page.wait_for_timeout(3000)
