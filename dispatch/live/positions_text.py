"""Compiled code that reads the frame of one fix as clients write it, to the same numbers as any other reader.

What is written otherwise, with blanks, escapes or an exponent, and what is no such frame, is left to others.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from routing.compiled import Compiler

Text = NDArray[np.uint8]
Reals = NDArray[np.float64]

_NAN = float("nan")
_LAST_DAY = np.cumsum(np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]))
_TENS = np.array([10.0**k for k in range(23)])  # exact, all of them
_SURE = 2.0**-46
_MOST_DIGITS = 10**17  # ten times as much, and a digit, is still a whole number of 64 bits

# the fields of a fix, as numbers read: those of `save_positions.FIX` that a phone tells
SEQ, MADE_AT, LON, LAT, ACCURACY, SPEED, HEADING, BATTERY, REPLAYED = range(9)
_HEAD = np.frombuffer(b'{"t":"positions","fixes":[{', np.uint8)
_SENT = np.frombuffer(b',"sent_at":', np.uint8)
_NULL = np.frombuffer(b"null", np.uint8)
_FALSE = np.frombuffer(b"false", np.uint8)
_NAMES = np.frombuffer(b"seqatlonlataccuracy_mspeed_msheading_degbatteryreplayed", np.uint8)
_NAME_ENDS = np.array([3, 5, 8, 11, 21, 29, 40, 47, 55])
FIELDS = len(_NAME_ENDS)

compiled = Compiler("positions-text", [Path(__file__)])


@compiled
def _is(text: Text, at: int, end: int, word: Text) -> bool:
    if at + len(word) > end:
        return False
    same = 0
    while same < len(word) and text[at + same] == word[same]:
        same += 1
    return same == len(word)


@compiled
def _digits(text: Text, at: int, count: int) -> int:
    """Return the number that `count` digits make, -1 where one is none."""
    number = 0
    for k in range(count):
        digit = int(text[at + k]) - 48
        if digit < 0 or digit > 9:
            return -1
        number = number * 10 + digit
    return number


@compiled
def _quotient(mantissa: int, places: int) -> float:
    """Return `mantissa` / 10^`places` (below 2^62; 0 to 22) as the nearest real, NaN where that is not sure.

    What the quotient leaves over is computed exactly (Dekker's product, Numer. Math. 18, 1971), and divided
    once more, with a known error; the sum is the nearest real when it is the same at both ends of that error.
    """
    tens = _TENS[places]
    whole = float(mantissa)
    rest = float(mantissa - int(whole))
    first = whole / tens
    split = 134217729.0 * first
    high = split - (split - first)
    low = first - high
    split = 134217729.0 * tens
    tens_high = split - (split - tens)
    tens_low = tens - tens_high
    product = first * tens
    beyond = ((high * tens_high - product) + high * tens_low + low * tens_high) + low * tens_low
    second = ((whole - product) - beyond + rest) / tens
    least, most = first + second * (1.0 - _SURE), first + second * (1.0 + _SURE)
    return least if least == most else _NAN


@compiled
def _number(text: Text, at: int, end: int) -> tuple[int, float]:
    """Return where a decimal number ends, and it; (-1, NaN) for what is none or is written otherwise."""
    negative = False
    if at < end and text[at] == 45:
        negative, at = True, at + 1
    first, mantissa, places, point = at, 0, 0, -1
    while at < end and mantissa < _MOST_DIGITS:
        digit = int(text[at]) - 48
        if 0 <= digit <= 9:
            mantissa = mantissa * 10 + digit
            places += 1 if point >= 0 else 0
        elif digit == -2 and point < 0 and at > first:
            point = at
        else:
            break
        at += 1
    if at >= end or at == first or mantissa >= _MOST_DIGITS or places >= len(_TENS):
        return -1, _NAN
    padded = text[first] == 48 and at > first + 1 and point != first + 1
    if padded or point == at - 1 or text[at] == 101 or text[at] == 69:  # no JSON, or with an exponent
        return -1, _NAN
    number = _quotient(mantissa, places)
    if math.isnan(number):
        return -1, _NAN
    return at, -number if negative else number


@compiled
def _moment(text: Text, at: int, end: int) -> tuple[int, float]:
    """Return where a time in quotation marks ends, and its seconds since 1970; (-1, NaN) unless it is in UTC.

    The days are counted as in the proleptic Gregorian calendar, for the years 1970 to 2200.
    """
    if at + 22 > end or text[at] != 34 or text[at + 5] != 45 or text[at + 8] != 45 or text[at + 11] != 84:
        return -1, _NAN
    if text[at + 14] != 58 or text[at + 17] != 58:
        return -1, _NAN
    year, month, day = _digits(text, at + 1, 4), _digits(text, at + 6, 2), _digits(text, at + 9, 2)
    hour, minute, second = _digits(text, at + 12, 2), _digits(text, at + 15, 2), _digits(text, at + 18, 2)
    if not (1970 <= year <= 2200 and 1 <= month <= 12 and 0 <= hour < 24):
        return -1, _NAN
    if not (0 <= minute < 60 and 0 <= second < 60):
        return -1, _NAN
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    length = _LAST_DAY[month] - _LAST_DAY[month - 1] + (1 if leap and month == 2 else 0)
    if not 1 <= day <= length:
        return -1, _NAN
    past = year - 1
    days = year * 365 + past // 4 - past // 100 + past // 400 - 719_527 + _LAST_DAY[month - 1] + day - 1
    days += 1 if leap and month > 2 else 0
    at += 20
    micros, scale = 0, 1_000_000
    if text[at] == 46:
        at += 1
        while at < end and 48 <= text[at] <= 57:
            if scale == 1:
                return -1, _NAN
            micros, scale, at = micros * 10 + int(text[at]) - 48, scale // 10, at + 1
        if scale == 1_000_000:
            return -1, _NAN
    if at < end and text[at] == 90:
        at += 1
    elif at + 6 <= end and text[at] == 43 and text[at + 3] == 58:
        if _digits(text, at + 1, 2) != 0 or _digits(text, at + 4, 2) != 0:
            return -1, _NAN
        at += 6
    else:
        return -1, _NAN
    if at >= end or text[at] != 34:
        return -1, _NAN
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    return at + 1, float(seconds * 1_000_000 + micros * scale) / 1e6


@compiled
def _field(text: Text, at: int, end: int) -> int:
    """Return which of a fix's fields begins here, -1 for none that is known."""
    begin = 0
    for n in range(len(_NAME_ENDS)):
        length = _NAME_ENDS[n] - begin
        if (
            at + length < end
            and text[at + length] == 34
            and _is(text, at, end, _NAMES[begin : _NAME_ENDS[n]])
        ):
            return n
        begin = _NAME_ENDS[n]
    return -1


@compiled
def read_frame(text: Text, at: int, end: int, told: Reals) -> tuple[int, float]:
    """Read a frame into `told`, NaN for what it leaves open; returns its sequence and when it was sent.

    The sequence is -1 when the frame is not an ordinary one.
    """
    told[:] = _NAN
    if not _is(text, at, end, _HEAD):
        return -1, _NAN
    at += len(_HEAD)
    sequence, seen = -1, 0
    while True:
        if at >= end or text[at] != 34:
            return -1, _NAN
        field = _field(text, at + 1, end)
        if field < 0 or seen >> field & 1:
            return -1, _NAN
        seen |= 1 << field
        at += 1 + _NAME_ENDS[field] - (_NAME_ENDS[field - 1] if field > 0 else 0) + 1
        if at + 1 >= end or text[at] != 58:
            return -1, _NAN
        at += 1
        if field == SEQ:
            first, sequence = at, 0
            while at < end and 48 <= text[at] <= 57:
                sequence, at = sequence * 10 + int(text[at]) - 48, at + 1
            if at == first or at - first > 18 or (text[first] == 48 and at - first > 1):
                return -1, _NAN
        elif field == MADE_AT:
            at, told[field] = _moment(text, at, end)
        elif field == REPLAYED:
            if not _is(text, at, end, _FALSE):
                return -1, _NAN
            at += len(_FALSE)
        elif field >= ACCURACY and _is(text, at, end, _NULL):
            at += len(_NULL)
        else:
            at, told[field] = _number(text, at, end)
        if at < 0 or at >= end:
            return -1, _NAN
        if text[at] == 125:
            break
        if text[at] != 44:
            return -1, _NAN
        at += 1
    at += 1
    if at >= end or text[at] != 93 or seen & 15 != 15:
        return -1, _NAN
    at += 1
    sent_at = _NAN
    if _is(text, at, end, _SENT):
        at, sent_at = _moment(text, at + len(_SENT), end)
        if at < 0:
            return -1, _NAN
    return (sequence, sent_at) if at == end - 1 and text[at] == 125 else (-1, _NAN)
