# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""JSON in one spelling (JSON Canonicalization Scheme, RFC 8785), and JSON read strictly (I-JSON, RFC 7493).

What every implementation has to agree on, or a signature made here is refused there:

* members sorted by the UTF-16 code units of their names, no white space, UTF-8
* numbers as ECMAScript prints doubles: ``1.0`` is ``1``, ``1e21`` is ``1e+21``, ``-0.0`` is ``0``
* texts escaped where they must be and nowhere else

What cannot survive the way through another implementation is refused: NaN and infinities, whole numbers that do not
come back from a double digit by digit, halves of surrogate pairs, and, when reading, members that are named twice.
"""

from __future__ import annotations

import json
import math
import re
import typing as t
from collections.abc import Mapping
from json.encoder import encode_basestring as _quoted

from .._core.normal import kind_of
from .errors import JoseError

#: Up to here a double holds every whole number.
LARGEST: t.Final = 2**53
#: Deeper texts are not read: what is read can then be written again, and by others, too.
DEEPEST: t.Final = 100
#: ECMAScript writes whole numbers out up to 21 digits; longer ones never come back as they were.
_LONGEST_WHOLE: t.Final = 22
_MOST_BITS: t.Final = (10**21).bit_length()
_CONSTANTS: t.Final = {None: "null", True: "true", False: "false"}
#: An escape that spells half of a surrogate pair, or one of two that spell a whole.
_HALF: t.Final = re.compile(r"\\u[dD][89a-fA-F]")
#: Does in C, in a fifth of the time, what :func:`_spell` does for data that :func:`_is_plain`.
_spelled_fast: t.Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False
).encode

Members = t.Callable[[Mapping[str, t.Any]], t.Iterable[str]]


def canonical(value: t.Any) -> bytes:
    """Return data as canonical JSON in UTF-8; raises :class:`JoseError` for what has no such form.

    Data means mappings with text as names, lists, tuples, texts, numbers, booleans and null.
    """
    text = _text(value, sorted)
    _refuse_deep(value, text)
    octets = utf8(text)
    return utf8(_text(value, _sorted_by_code_units)) if _sorted_otherwise(octets) else octets


def stringified(value: t.Any) -> bytes:
    """Return data as ECMAScript's ``JSON.stringify`` does: members in the order in which they came.

    Except for names that look like an index of an array, which ECMAScript moves to the front (ECMA-262, 10.1.11).
    """
    return utf8(_text(value, _in_order))


def parse(text: str | bytes) -> t.Any:
    """Return the data of a JSON text; raises :class:`JoseError` for whatever I-JSON does not allow."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError:
            raise JoseError("is not UTF-8", remedy="Send JSON in UTF-8 (RFC 8259, 8.1).") from None
    elif not text.isascii():
        utf8(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise JoseError(f"is not JSON: {error.msg} (character {error.pos})", remedy="Send JSON (RFC 8259).") from None
    except RecursionError:
        raise _too_deep() from None
    _refuse_deep(value, text)
    if _HALF.search(text):
        utf8(json.dumps(value, ensure_ascii=False))
    return value


def _text(value: t.Any, members: Members) -> str:
    try:
        return _spelled_fast(value) if members is sorted and _is_plain(value) else _spell(value, members)
    except RecursionError:
        raise _too_deep() from None
    except TypeError:  # from sorting or quoting what is no text; looking at each name beforehand would cost more
        raise JoseError("the name of a member is not a text", remedy="Put it into quotation marks.") from None


def utf8(text: str) -> bytes:
    """Return a text of whole characters in UTF-8; raises :class:`JoseError` for halves of surrogate pairs."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise JoseError(
            "a text holds half of a surrogate pair", remedy="Give texts of whole characters (RFC 7493, 2.1)."
        ) from None


def _too_deep() -> JoseError:
    return JoseError("is nested too deeply", remedy=f"Give data of {DEEPEST} levels or less.")


def _refuse_deep(value: t.Any, text: str) -> None:
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    level = [value]
    for _depth in range(DEEPEST + 1):
        containers = [entry for entry in level if isinstance(entry, (Mapping, list, tuple))]
        if not containers:
            return
        level = [entry for each in containers for entry in (each.values() if isinstance(each, Mapping) else each)]
    raise _too_deep()


def _is_plain(value: t.Any) -> bool:
    """Tell whether data is of the very types of JSON, with no number but whole ones that a double holds."""
    # pylint: disable=unidiomatic-typecheck  # a subclass is not the very type
    kind = type(value)
    if kind is dict:
        for name, entry in value.items():
            if type(name) is not str or (type(entry) is not str and not _is_plain(entry)):
                return False
        return True
    if kind is list:
        return all(map(_is_plain, value))
    return value is None or kind is str or kind is bool or (kind is int and abs(value) <= LARGEST)


def _spell(value: t.Any, members: Members) -> str:
    """Return one value as JSON; exact types come first, because nearly every value is of one."""
    kind = type(value)
    if kind is str:
        return _quoted(value)
    if kind is dict:
        return "{" + ",".join([_quoted(name) + ":" + _spell(value[name], members) for name in members(value)]) + "}"
    if kind is list:
        return "[" + ",".join([_spell(entry, members) for entry in value]) + "]"
    if value is None or kind is bool:
        return _CONSTANTS[value]
    return _spell_other(value, members)


def _spell_other(value: t.Any, members: Members) -> str:
    """Return a number, or a value of one of the subclasses that Ansible marks its data with."""
    if isinstance(value, int):
        return _whole(value)
    if isinstance(value, float):
        return double(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Mapping):
        # Through the methods of the mapping: values of templates are made when they are asked for.
        return _spell(dict(value.items()), members)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([_spell(entry, members) for entry in value]) + "]"
    raise JoseError(f"{kind_of(value)} is not JSON", remedy="Give mappings, lists, texts and numbers.")


def _whole(value: int) -> str:
    """Return a whole number; a large one when the double that it becomes elsewhere prints just so, as it is read."""
    if value.bit_length() > _MOST_BITS:
        raise _inexact()
    # By the type itself: subclasses may print as they like.
    text = int.__repr__(value)
    if abs(value) > LARGEST and double(float(value)) != text:
        raise _inexact()
    return text


def _inexact() -> JoseError:
    return JoseError(
        "a whole number beyond 2^53 does not reach everybody as it is (RFC 7493, 2.2)", remedy="Give it as text."
    )


def double(value: float) -> str:
    """Return a number as ECMAScript prints it (ECMA-262, Number::toString; RFC 8785, 3.2.2.3).

    Python finds the same shortest digits; they differ in where the exponent begins and how it looks.
    """
    if not math.isfinite(value):
        raise JoseError("NaN and infinities are not JSON", remedy="Leave the member out, or give a text.")
    text = float.__repr__(value)
    if "e" not in text:
        if not text.endswith(".0"):
            return text
        return "0" if value == 0 else text[:-2]
    mantissa, _e, exponent = text.partition("e")
    sign, digits = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    digits = digits.replace(".", "")
    point = int(exponent) + 1
    if 0 < point <= 21:
        return sign + digits.ljust(point, "0")
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if digits[1:] else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"


def _sorted_otherwise(octets: bytes) -> bool:
    """Tell whether names may have to be sorted by code units: U+E000 to U+FFFF come after what comes after them.

    In UTF-8, these octets begin such characters and are nowhere else.
    """
    return b"\xee" in octets or b"\xef" in octets


def _sorted_by_code_units(mapping: Mapping[str, t.Any]) -> list[str]:
    # Halves of surrogate pairs are refused when the text is encoded.
    return sorted(mapping, key=lambda name: name.encode("utf-16-be", "surrogatepass"))


def _in_order(mapping: Mapping[str, t.Any]) -> t.Iterable[str]:
    indexes = [name for name in mapping if _is_index(name)]
    if not indexes:
        return mapping
    return [*sorted(indexes, key=int), *(name for name in mapping if not _is_index(name))]


def _is_index(name: str) -> bool:
    """Tell whether a name is that of an element of an array: 0 to 2^32 - 2 without leading zeros."""
    return name.isascii() and name.isdigit() and len(name) <= 10 and str(int(name)) == name and int(name) < 2**32 - 1


def _once(pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JoseError(
            "a member is named twice, and readers take one or the other",
            remedy="Name each member once (RFC 7493, 2.3).",
        )
    return members


def _read_whole(text: str) -> float:
    """Return a whole number; a large one as the double that prints just so, or not at all."""
    if len(text) > _LONGEST_WHOLE:
        raise _inexact()
    value = int(text)
    if abs(value) <= LARGEST:
        return value
    _whole(value)
    return float(value)


def _read_double(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise JoseError("a number is beyond what a double holds", remedy="Give it as text (RFC 7493, 2.2).")
    return value


def _refuse_constant(_text: str) -> t.NoReturn:
    raise JoseError("NaN and infinities are not JSON", remedy="Leave the member out, or give a text.")


_DECODER: t.Final = json.JSONDecoder(
    object_pairs_hook=_once, parse_int=_read_whole, parse_float=_read_double, parse_constant=_refuse_constant
)
