# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""The only file that knows AnsibleModule.

A module hands over its spec and a function that turns parameters into a batch of resources, or several (or, for a
read-only module, into facts). Everything users see of success and failure is formed here.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.warnings import get_warning_messages

from . import redact
from .attributes import unforeseen
from .clock import system_clock
from .errors import InvalidInput, TrustmeshError
from .masking import SHORTEST
from .reconcile import Batch, Outcome, reconcile_in_turn, summarise
from .spec import Options, Params, Spec, redacted, secret_texts
from .texts import refuse_unusable

Build = t.Callable[[Params, contextlib.ExitStack], t.Union[Batch, t.Sequence[Batch]]]
Gather = t.Callable[[Params, contextlib.ExitStack], t.Mapping[str, t.Any]]
T = t.TypeVar("T")

# Ansible masks by value wherever the value occurs; a "secret" as short as this would mask half of every result.
_SHOWN_FAILURES = 5
_VERBOSE = 3


def reconcile_module(spec: Spec, build: Build) -> None:
    """Run a module that makes a batch of resources true, or several one after the other."""
    module = _module(spec)

    def run(stack: contextlib.ExitStack) -> tuple[t.Sequence[Batch], list[Outcome]]:
        built = build(module.params, stack)
        batches = [built] if isinstance(built, Batch) else built
        return batches, reconcile_in_turn(batches, check_mode=module.check_mode, clock=system_clock)

    batches, outcomes = _reported(module, spec, run)
    _finish(module, spec, batches, outcomes)


def inform_module(spec: Spec, gather: Gather) -> None:
    """Run a read-only module that returns facts."""
    module = _module(spec)
    facts = _reported(module, spec, lambda stack: gather(module.params, stack))
    _exit(module, spec, changed=False, **facts)


class _Module(AnsibleModule):  # type: ignore[misc]  # ansible-core has no types
    """An AnsibleModule whose line in the system's log hides secrets by the name of their option.

    Ansible hides by value, and does not recognise a text of several lines inside a list once the list is spelled out.
    It also looks for every secret in every text by itself, which thousands of both make minutes of; whatever is about
    to leave the process is therefore searched once for all of them, and Ansible hides those that stand in it.
    """

    params: dict[str, t.Any]
    no_log_values: set[str]

    def __init__(self, spec: Spec) -> None:
        self._options = spec.options
        super().__init__(argument_spec=spec.argument_spec(), supports_check_mode=True, **spec.constraints())

    def _log_invocation(self) -> None:
        try:
            refuse_unusable(self._options, self.params)
            unusable = None
        except InvalidInput as error:
            unusable = str(error)
        if unusable is not None:
            self.fail_json(unusable)
        given, self.params = self.params, redacted(self._options, self.params)
        try:
            with self._hiding({name: str(value) for name, value in self.params.items()}):
                super()._log_invocation()
        finally:
            self.params = given

    def _return_formatted(self, kwargs: dict[str, t.Any]) -> None:
        """Return a result as Ansible does, which may have added something of its own to it, such as a traceback."""
        with self._hiding([kwargs, get_warning_messages()]):
            super()._return_formatted(kwargs)

    def warn_of(self, warnings: t.Iterable[str]) -> None:
        """Warn, each text once."""
        texts = list(dict.fromkeys(warnings))
        with self._hiding(texts):
            for text in texts:
                self.warn(text)

    @contextlib.contextmanager
    def _hiding(self, leaving: t.Any) -> t.Iterator[None]:
        """Let Ansible look for those secrets alone that stand in what is about to leave."""
        every = self.no_log_values
        self.no_log_values = redact.occurring(every, leaving)
        try:
            yield
        finally:
            self.no_log_values = every

    def fail_json(self, msg: str, **returned: t.Any) -> t.NoReturn:
        """Fail as Ansible does by itself, when what was given is no good; :func:`_exit` is for all that comes later.

        Ansible takes every text of a section for secret, even ``ec``, and would mask its own message.
        """
        self.no_log_values = {text for text in secret_texts(self._options, self.params) if len(text) >= SHORTEST}
        super().fail_json(msg, **returned, invocation=_invocation(self._options, self.params))
        raise AssertionError("fail_json returned")


def _module(spec: Spec) -> _Module:
    # This process lives for seconds and makes few cycles: looking for them costs more than it would free. Python looks
    # on the way out all the same, through everything and more than once, unless it is told to leave it alone.
    gc.disable()
    atexit.register(gc.freeze)
    return _Module(spec)


def _reported(module: _Module, spec: Spec, run: t.Callable[[contextlib.ExitStack], T]) -> T:
    """Return what ``run`` returns, or end the module with the message of the exception.

    The module ends after the exception was dealt with and not meanwhile: Ansible adds the traceback of a pending
    exception to a failure when asked for tracebacks, and its text may quote a secret.
    """
    try:
        # What others say of them is masked before it is cut to the length of a message.
        redact.remember(secret_texts(spec.options, module.params))
        for library in spec.requires:
            library.check()
        with contextlib.ExitStack() as stack:
            return run(stack)
    except TrustmeshError as error:
        failure = error
    except Exception as error:  # pylint: disable=broad-except
        failure = unforeseen(error)
    # pylint takes an ExitStack that swallows an exception for possible; nothing in this collection registers one.
    return _exit(module, spec, failed=True, msg=str(failure))  # pylint: disable=used-before-assignment


def _finish(module: _Module, spec: Spec, batches: t.Sequence[Batch], outcomes: t.Sequence[Outcome]) -> None:
    results = [outcome.result() for outcome in outcomes]
    returned: dict[str, t.Any] = {
        **{name: value for batch in batches for name, value in batch.returned.items()},
        "changed": any(outcome.changed for outcome in outcomes),
        "results": results,
        "summary": summarise(outcomes),
    }
    if module._diff:
        returned["diff"] = [outcome.plan.diff(outcome.resource.identity) for outcome in outcomes if outcome.changed]
    warnings = [warning for batch in batches for warning in batch.warnings]
    warnings += [text for result in results for text in result["warnings"]]
    failures = [outcome for outcome in outcomes if outcome.error is not None]
    if failures:
        returned.update(failed=True, msg=_failure_message(failures, len(outcomes)))
    _exit(module, spec, warnings, **returned)


def _failure_message(failures: t.Sequence[Outcome], total: int) -> str:
    """Say how many failed and why, the same cause once."""
    if total == 1:
        return f"{failures[0].resource.identity}: {failures[0].error}"
    causes: dict[str, list[str]] = {}
    for outcome in failures:
        causes.setdefault(str(outcome.error), []).append(outcome.resource.identity)
    lines = []
    for cause, names in list(causes.items())[:_SHOWN_FAILURES]:
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        lines.append(f"{names[0]}{others}: {cause}")
    if len(causes) > _SHOWN_FAILURES:
        lines.append(f"and {len(causes) - _SHOWN_FAILURES} more causes, see results")
    return f"{len(failures)} of {total} items failed. " + " | ".join(lines)


def _exit(
    module: _Module, spec: Spec, warnings: t.Iterable[str] = (), *, failed: bool = False, **returned: t.Any
) -> t.NoReturn:
    module.no_log_values = {value for value in redact.known() if len(value) >= SHORTEST}
    module.warn_of(warnings)
    # Ansible shows the invocation from -vvv on. Of a batch that went well the results tell already, item by item.
    brief = not failed and module._verbosity < _VERBOSE
    params = {name: value for name, value in module.params.items() if not (brief and name == spec.plural)}
    returned["invocation"] = _invocation(spec.options, params)
    if failed:
        super(_Module, module).fail_json(**returned)
    module.exit_json(**returned)
    raise AssertionError("exit_json returned")


def _invocation(options: Options, params: Params) -> dict[str, t.Any]:
    return {"module_args": redacted(options, params)}
