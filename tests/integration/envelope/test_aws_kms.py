# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Master keys in AWS KMS, as moto plays it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible.errors import AnsibleFilterError

from plugins.filter.envelope_open import envelope_open
from plugins.filter.envelope_seal import envelope_seal
from plugins.module_utils._envelope.record import Form
from tests.integration.conftest import or_skip
from tests.rigs.aws_kms import CREDENTIALS, AwsKms


@pytest.fixture(scope="module")
def kms() -> Iterator[AwsKms]:
    """The service."""
    server: AwsKms = or_skip(AwsKms)
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What boto3 finds, and nothing else."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("encoding", ["base64", "hex"])
def test_mb_49_what_is_sealed_opens(kms: AwsKms, encoding: str) -> None:
    key = kms.options(kms.new_key(), context={"tenant": "dfsp1"})
    record = envelope_seal("geheim", key, aad="name", encoding=encoding)
    assert envelope_open(record, key, aad="name", encoding=encoding) == "geheim"
    blob = Form(encoding).read(record["encryptedDEK"])
    answer = kms.client.decrypt(CiphertextBlob=blob, EncryptionContext={"tenant": "dfsp1"})
    assert len(answer["Plaintext"]) == 32


def test_an_alias_is_a_name_too(kms: AwsKms) -> None:
    key_id = kms.new_key()
    kms.client.create_alias(AliasName="alias/hub", TargetKeyId=key_id)
    record = envelope_seal("x", kms.options("alias/hub"))
    assert envelope_open(record, kms.options(key_id)) == "x"


def test_another_context_or_key_is_refused(kms: AwsKms) -> None:
    key_id = kms.new_key()
    record = envelope_seal("x", kms.options(key_id, context={"tenant": "dfsp1"}))
    for other in (
        kms.options(key_id),
        kms.options(key_id, context={"tenant": "dfsp2"}),
        kms.options(kms.new_key(), context={"tenant": "dfsp1"}),
    ):
        with pytest.raises(AnsibleFilterError, match="encryptedDEK: does not open with kms"):
            envelope_open(record, other)
    for text in ("", "AAAA", "§", record["encryptedDEK"][:-8]):
        with pytest.raises(AnsibleFilterError, match="encryptedDEK"):
            envelope_open({**record, "encryptedDEK": text}, kms.options(key_id, context={"tenant": "dfsp1"}))


def test_what_the_service_refuses_says_what_to_do(kms: AwsKms, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AnsibleFilterError, match=r"key_id: DescribeKey: NotFoundException .*Give the id, ARN or alias"):
        envelope_seal("x", kms.options("00000000-0000-4000-8000-000000000000"))
    key_id = kms.new_key()
    with pytest.raises(AnsibleFilterError, match=r"could not be asked .*Check region, endpoint and credentials"):
        envelope_seal("x", {**kms.options(key_id), "endpoint_url": "http://127.0.0.1:1"})
    with pytest.raises(AnsibleFilterError, match="region: no connection to AWS KMS can be made"):
        envelope_seal("x", {**kms.options(key_id), "region": None})
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(AnsibleFilterError, match=r"could not be asked"):
        envelope_seal("x", kms.options(key_id))
