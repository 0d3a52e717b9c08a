"""Directions in words, Indonesian and English: what to do, onto which road, and how far, as people say it."""

from __future__ import annotations

# What a road without a name is called, by class: Indonesian, English. Road classes in Indonesia follow
# function (arteri, kolektor, lokal, lingkungan: UU 38/2004 article 8).
_ROAD_WORDS = {
    "motorway": ("jalan tol", "the motorway"),
    "motorway_link": ("jalan penghubung tol", "the motorway ramp"),
    "trunk": ("jalan nasional", "the trunk road"),
    "trunk_link": ("jalan penghubung", "the ramp"),
    "primary": ("jalan arteri", "the main road"),
    "primary_link": ("jalan penghubung", "the ramp"),
    "secondary": ("jalan kolektor", "the secondary road"),
    "secondary_link": ("jalan penghubung", "the ramp"),
    "tertiary": ("jalan lokal", "the local road"),
    "tertiary_link": ("jalan penghubung", "the ramp"),
    "unclassified": ("jalan desa", "the village road"),
    "residential": ("jalan lingkungan", "the residential street"),
    "living_street": ("jalan lingkungan", "the residential street"),
    "service": ("jalan masuk", "the service road"),
    "track": ("jalan tanah", "the track"),
    "busway": ("jalur bus", "the busway"),
    "pedestrian": ("jalan pejalan kaki", "the pedestrian street"),
    "ferry": ("feri", "the ferry"),
}
_ANY_ROAD = ("jalan", "the road")

_COMPASS = (
    ("utara", "north"), ("timur laut", "north-east"), ("timur", "east"), ("tenggara", "south-east"),
    ("selatan", "south"), ("barat daya", "south-west"), ("barat", "west"), ("barat laut", "north-west"),
)  # fmt: skip

# With the road's name or word; maneuver -> Indonesian, English.
_ONTO = {
    "continue": ("Lanjut ke {}", "Continue onto {}"),
    "keep_left": ("Ambil lajur kiri ke {}", "Keep left onto {}"),
    "keep_right": ("Ambil lajur kanan ke {}", "Keep right onto {}"),
    "slight_left": ("Serong kiri ke {}", "Bear left onto {}"),
    "left": ("Belok kiri ke {}", "Turn left onto {}"),
    "sharp_left": ("Belok tajam ke kiri ke {}", "Turn sharp left onto {}"),
    "slight_right": ("Serong kanan ke {}", "Bear right onto {}"),
    "right": ("Belok kanan ke {}", "Turn right onto {}"),
    "sharp_right": ("Belok tajam ke kanan ke {}", "Turn sharp right onto {}"),
    "uturn": ("Putar balik di {}", "Make a U-turn on {}"),
    "ferry": ("Naik {}", "Take {}"),
}
_ARRIVE = {
    "arrive": ("Tiba di tujuan", "You have arrived"),
    "arrive_left": ("Tiba: tujuan di sebelah kiri", "You have arrived: the place is on the left"),
    "arrive_right": ("Tiba: tujuan di sebelah kanan", "You have arrived: the place is on the right"),
}
ARRIVALS = frozenset(_ARRIVE)
MANEUVERS = ("depart", "roundabout", *_ONTO, *_ARRIVE)


def road_words(name: str | None, road_class: str) -> tuple[str, str]:
    """What to call a road, Indonesian and English: its name, or a word for its class."""
    return (name, name) if name else _ROAD_WORDS.get(road_class, _ANY_ROAD)


def in_words(
    maneuver: str, name: str | None, road_class: str, bearing: float, exit_number: int | None
) -> tuple[str, str]:
    """One step as a sentence, Indonesian and English, without its distance."""
    road_id, road_en = road_words(name, road_class)
    if maneuver == "depart":
        way_id, way_en = _COMPASS[round(bearing / 45) % 8]
        return f"Berangkat ke arah {way_id} di {road_id}", f"Head {way_en} on {road_en}"
    if maneuver == "roundabout":
        if exit_number is None:
            return "Masuk bundaran", "Enter the roundabout"
        return (
            f"Di bundaran ambil jalan keluar ke-{exit_number} ke {road_id}",
            f"At the roundabout take the {_ordinal(exit_number)} exit onto {road_en}",
        )
    if maneuver in _ARRIVE:
        return _ARRIVE[maneuver]
    text_id, text_en = _ONTO[maneuver]
    return text_id.format(road_id), text_en.format(road_en)


def distance_words(metres: float) -> tuple[str, str]:
    """A distance as people say it: Indonesian with a decimal comma, English with a point."""
    if metres < 97.5:
        text = f"{max(5, round(metres / 5) * 5) if metres < 30 else round(metres / 10) * 10} m"
        return text, text
    if metres < 975:
        text = f"{round(metres / 50) * 50} m"
        return text, text
    if metres < 9950:
        text = f"{metres / 1000:.1f} km"
        return text.replace(".", ","), text
    text = f"{round(metres / 1000)} km"
    return text, text


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
