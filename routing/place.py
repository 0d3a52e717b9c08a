"""Downloads the roads of a named place through osmnx, where there is internet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from routing.errors import BadExtract
from routing.profile import FERRY_CLASS, Profile, class_names
from routing.ruling import ruling_keys

_NODE_TAGS = ("barrier", "locked", "direction", "traffic_signals:direction")
_WAY_TAGS = ("name", "ref", "bridge", "tunnel", "toll", "source", "duration")


def download_place(place: str, file: Path, profiles: Sequence[Profile]) -> None:
    """Save the roads of a place ("Purwakarta, Indonesia") as GraphML; raises BadExtract.

    The place must have an outline in OpenStreetMap. Turn restrictions do not come this way.
    """
    # osmnx takes a second to import and is needed for nothing else
    import osmnx
    import requests

    kinds = "|".join(name for name in class_names(profiles) if name != FERRY_CLASS)
    wanted = [f'["highway"~"^({kinds})$"]', '["route"="ferry"]']
    try:
        with _asking_for(osmnx.settings, profiles):
            graph = osmnx.graph_from_place(
                place, custom_filter=wanted, simplify=False, retain_all=True, truncate_by_edge=True
            )
    except (requests.RequestException, OSError) as error:
        raise BadExtract(
            f"Jalan {place!r} tidak dapat diunduh: tidak ada sambungan internet ({_cause(error)}). "
            "Berikan berkas .osm.pbf atau .graphml sebagai gantinya.",
            f"The roads of {place!r} cannot be downloaded: no internet connection ({_cause(error)}). "
            "Give an .osm.pbf or .graphml file instead.",
        ) from error
    except (ValueError, TypeError) as error:
        raise BadExtract(
            f"Tempat {place!r} tidak ditemukan sebagai wilayah di OpenStreetMap ({error}). Periksa namanya.",
            f"The place {place!r} is not found as an area in OpenStreetMap ({error}). Check its name.",
        ) from error
    file.parent.mkdir(parents=True, exist_ok=True)
    osmnx.save_graphml(graph, file)


@contextmanager
def _asking_for(settings: ModuleType, profiles: Sequence[Profile]) -> Iterator[None]:
    """osmnx keeps every tag that rulings rest on, and writes no cache into the working folder."""
    access = [key for profile in profiles for key in profile.access_keys]
    wished = {
        "useful_tags_way": sorted({*settings.useful_tags_way, *ruling_keys(profiles), *_WAY_TAGS}),
        "useful_tags_node": sorted({*settings.useful_tags_node, *access, *_NODE_TAGS}),
        "use_cache": False,
    }
    held = {name: getattr(settings, name) for name in wished}
    try:
        for name, value in wished.items():
            setattr(settings, name, value)
        yield
    finally:
        for name, value in held.items():
            setattr(settings, name, value)


def _cause(error: BaseException) -> str:
    """What went wrong in one short line."""
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
