# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS KMS refuses in ways that its emulator does not know: answers made after its API reference."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

import boto3
import pytest
from botocore.stub import Stubber

from plugins.module_utils._aws.kms import KmsDenied, KmsFailure, KmsKey
from plugins.module_utils._envelope.record import Form

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
KEY = bytes(range(32))


@pytest.fixture
def service() -> Iterator[tuple[KmsKey, Stubber]]:
    """A key, and the service that answers as told."""
    terms = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-central-1"}
    client: t.Any = boto3.client("kms", **terms)
    with Stubber(client) as stubber:
        stubber.add_response("describe_key", {"KeyMetadata": {"KeyId": ARN.rpartition("/")[2], "Arn": ARN}})
        key = KmsKey(client, "alias/hub", {"tenant": "a"}, Form())
        assert key.arn == ARN
        yield key, stubber
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["IncorrectKeyException", "InvalidCiphertextException"])
def test_what_is_not_of_the_key_is_not_opened(service: tuple[KmsKey, Stubber], code: str) -> None:
    key, stubber = service
    stubber.add_client_error("decrypt", code)
    assert key.unwrap(["AAAA"]) == [None]


def test_what_is_no_ciphertext_is_not_asked_about(service: tuple[KmsKey, Stubber]) -> None:
    key, _stubber = service
    assert key.unwrap(["", "§"]) == [None, None]


def test_denied_access_is_no_other_key(service: tuple[KmsKey, Stubber]) -> None:
    key, stubber = service
    stubber.add_client_error("decrypt", "AccessDeniedException", "not authorized to perform: kms:Decrypt")
    stubber.add_client_error("decrypt", "AccessDeniedException", "not authorized to perform: kms:Decrypt")
    with pytest.raises(KmsDenied, match=r"key_id: Decrypt: AccessDeniedException .*Allow kms:Encrypt, kms:Decrypt"):
        key.unwrap(["AAAA"])


def test_the_key_is_named_and_compared(service: tuple[KmsKey, Stubber]) -> None:
    key, stubber = service
    asked = {"KeyId": ARN, "CiphertextBlob": b"abc", "EncryptionContext": {"tenant": "a"}}
    stubber.add_response("decrypt", {"Plaintext": KEY, "KeyId": ARN}, asked)
    assert key.unwrap(["YWJj"]) == [KEY]
    stubber.add_response("decrypt", {"Plaintext": KEY, "KeyId": ARN.replace("1234abcd", "9999abcd")}, asked)
    assert key.unwrap(["YWJj"]) == [None]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("DisabledException", "Enable the key"),
        ("KMSInvalidStateException", "cancel its deletion"),
        ("InvalidKeyUsageException", "Use a symmetric key"),
        ("UnrecognizedClientException", "Correct the credentials"),
        ("SomethingNewException", "SomethingNewException"),
    ],
)
def test_what_the_service_refuses_says_what_to_do(service: tuple[KmsKey, Stubber], code: str, remedy: str) -> None:
    key, stubber = service
    stubber.add_client_error("encrypt", code, "in its own words")
    with pytest.raises(KmsFailure) as caught:
        key.wrap([KEY])
    assert remedy in str(caught.value)
    assert "in its own words" in str(caught.value)
    assert KEY.hex() not in str(caught.value)
