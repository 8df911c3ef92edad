# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Values that a user gives under names of his own: variables, labels, metadata, headers.

YAML makes truth values, numbers and nulls of texts that are not quoted. What is a text elsewhere is spelled as YAML
spells it and never as Python does; what is no text is refused.
"""

from __future__ import annotations

import math
import typing as t
from collections.abc import Iterator, Mapping

from .errors import InvalidInput
from .normal import kind_of
from .secret_names import is_secret_name

_REMEDY: t.Final = 'Write the text that is meant in quotes, "" for an empty one, or leave it out.'


def spelled(value: t.Any) -> str:
    """Return a scalar as a text, truth values in lower case; raises ``ValueError`` for anything else."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    raise ValueError(f"is {kind_of(value)}, not a text")


def free_text(value: t.Any, field: str) -> str:
    """Return the same; raises :class:`InvalidInput` naming the field."""
    try:
        return spelled(value)
    except ValueError as error:
        raise InvalidInput(str(error), field=field, remedy=_REMEDY) from None


def free_texts(values: t.Optional[Mapping[t.Any, t.Any]], option: str) -> dict[str, str]:
    """Return what an option holds as texts; raises :class:`InvalidInput` naming the value."""
    return {str(name): free_text(value, f"{option}.{name}") for name, value in (values or {}).items()}


def in_the_clear(values: Mapping[str, t.Any], option: str, remedy: str) -> Iterator[str]:
    """Yield a warning for each text that is named as a secret and given where everybody sees it; it is not quoted.

    A path, and a reference that is filled in elsewhere, name a secret and hold none.
    """
    for name, value in sorted(values.items()):
        is_reference = not isinstance(value, str) or not value or value.startswith(("/", "$", "{", "<", "vault:"))
        if not is_reference and is_secret_name(name):
            yield f"{option}.{name} is named as a secret and is kept in the clear. {remedy}"
