"""Which compression a client takes."""

from __future__ import annotations


def accepts(header: str, coding: str) -> bool:
    """Return whether an `Accept-Encoding` header names the coding without refusing it (`q=0`)."""
    for part in header.lower().split(","):
        name, _, parameters = part.partition(";")
        if name.strip() == coding:
            weight = parameters.replace(" ", "").removeprefix("q=")
            return weight.strip("0.") != "" or weight == ""
    return False
