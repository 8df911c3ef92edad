# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever stands at the path of podman, its answer is read by its types."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from plugins.module_utils._hygiene.container_secret import ContainerFailure, Podman

RIGHT: t.Final = {"Spec": {"Name": "one", "Driver": {"Name": "file"}, "Labels": {"a": "b"}}}


def podman(tmp_path: pathlib.Path, answer: str) -> Podman:
    """Return one that lists a secret and describes it so."""
    program = tmp_path / "podman"
    (tmp_path / "answer").write_text(answer)
    program.write_text(f'#!/bin/sh\nif [ "$2" = ls ]; then echo one; else cat "{tmp_path}/answer"; fi\n')
    program.chmod(0o755)
    return Podman(str(program))


@pytest.mark.parametrize("labels", [{"a": "b"}, {}, None], ids=str)
def test_secrets_are_known_by_name(tmp_path: pathlib.Path, labels: t.Any) -> None:
    answer = {"Spec": {**RIGHT["Spec"], "Labels": labels}}
    assert podman(tmp_path, json.dumps([answer])).secrets() == {"one": answer["Spec"]}


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Error: no such secret",
        "{}x",
        '{"Spec": {}}',
        "[1]",
        '[{"Spec": null}]',
        '[{"Spec": {"Name": "one"}}]',
        '[{"Spec": {"Name": "one", "Driver": {"Name": 1}}}]',
        '[{"Spec": {"Name": "one", "Driver": {"Name": "file"}, "Labels": ["a"]}}]',
        '[{"Spec": {"Name": "one", "Driver": {"Name": "file"}, "Labels": {"a": 1}}}]',
        "[" * 100_000,
    ],
    ids=lambda answer: answer[:40],
)
def test_what_is_no_list_of_secrets_is_named(tmp_path: pathlib.Path, answer: str) -> None:
    with pytest.raises(ContainerFailure, match="its answer is not a list of secrets") as raised:
        podman(tmp_path, answer).secrets()
    assert raised.value.field == "executable"
    assert raised.value.remedy
