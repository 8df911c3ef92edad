# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the filters of envelopes share: master keys as options, and errors as those of a filter."""

from __future__ import annotations

import contextlib
import functools
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils._aws.kms import KMS, KMS_OPENER
from ..module_utils._core.deps import CRYPTOGRAPHY
from ..module_utils._core.errors import InvalidInput, TrustmeshError
from ..module_utils._core.normal import kind_of
from ..module_utils._envelope.cipher import IV_BYTES
from ..module_utils._envelope.local import LOCAL_KINDS, LOCAL_OPENERS
from ..module_utils._envelope.provider import KeyProvider, key_option, open_provider
from ..module_utils._envelope.record import ENCODINGS, Form
from ..module_utils._vault.connection import VAULT, connect
from ..module_utils._vault.transit import TRANSIT, transit_opener
from .arguments import mapping

_KEY: t.Final = key_option((*LOCAL_KINDS, TRANSIT, KMS))


@contextlib.contextmanager
def filter_errors(name: str) -> t.Iterator[None]:
    """Report what the collection has to say as the error of a filter, without the traceback of a defect."""
    try:
        CRYPTOGRAPHY.check()
        yield
    except TrustmeshError as error:
        raise AnsibleFilterError(f"{name}: {error}") from None


def form_of(encoding: str, iv_bytes: int = 12) -> Form:
    """Return the form of a record; raises :class:`InvalidInput`."""
    if encoding not in ENCODINGS:
        raise InvalidInput(f"{encoding!r} is not known", field="encoding", remedy=f"Use {' or '.join(ENCODINGS)}.")
    if iv_bytes not in IV_BYTES or isinstance(iv_bytes, bool):
        raise InvalidInput(f"{iv_bytes!r} is neither 12 nor 16", field="iv_bytes")
    return Form(encoding, iv_bytes)


@contextlib.contextmanager
def opened_key(key: t.Any, vault: t.Any, form: Form) -> t.Iterator[KeyProvider]:
    """Open a master key as declared, with a connection to Vault when it is there."""
    given = {"type": "environment"} if key is None else mapping(key, "key")
    declared = _validated({"key": _KEY}, {}, {"key": given})["key"]
    with contextlib.ExitStack() as stack:

        @functools.lru_cache(maxsize=1)
        def connection() -> t.Any:
            params = _validated(VAULT.argument_spec(), VAULT.constraints(), vault or {}, "vault")
            return connect(params, stack)

        openers = {**LOCAL_OPENERS, "transit": transit_opener(connection), "aws_kms": KMS_OPENER}
        yield open_provider(openers, declared, form, "key")


def _plain(value: t.Any) -> t.Any:
    """Return mappings and lists as plain ones: the validator copies them, and lazy ones warn of being copied."""
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value


def _validated(
    options: t.Mapping[str, t.Any], constraints: t.Mapping[str, t.Any], given: t.Any, field: str | None = None
) -> dict[str, t.Any]:
    if not isinstance(given, Mapping):
        raise InvalidInput(f"takes a mapping, not {kind_of(given)}", field=field)
    result = ArgumentSpecValidator({**options}, **constraints).validate(_plain(given))
    if result.error_messages:
        raise InvalidInput("; ".join(result.error_messages), field=field)
    validated: dict[str, t.Any] = result.validated_parameters
    return validated
