# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""R1, R17, R18 for the clients beside that of Vault: every wrong answer of the table ends in words, and in time."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
import typing as t

import boto3
import pytest
from botocore.config import Config

from plugins.module_utils._aws import kms
from plugins.module_utils._core.errors import TrustmeshError
from plugins.module_utils._envelope.record import Form
from plugins.module_utils._host import readiness
from plugins.module_utils._keyring.mcm import McmFailure, McmPublisher
from plugins.module_utils._probe.exchange import Address, Request, send
from plugins.module_utils._probe.tls import Target, observe
from tests.rigs.fault_proxy import Player, Wrong
from tests.rigs.wrong_answers import WRONG

SECONDS: t.Final = 0.5
#: What a right answer of each service has in it.
KEYS: t.Final = json.dumps([{"dfspId": "fsp", "publicKey": "K", "validationState": "VALID"}]).encode()
KEY: t.Final = json.dumps({"KeyMetadata": {"KeyId": "k", "Arn": "arn:aws:kms:eu-west-1:1:key/k"}}).encode()


@contextlib.contextmanager
def _in_time() -> t.Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < 10 * SECONDS


@pytest.mark.parametrize("wrong", WRONG.values(), ids=list(WRONG))
def test_a_connection_manager(wrong: Wrong) -> None:
    with Player(wrong, KEYS) as player, _in_time():
        manager = McmPublisher(player.url, hub="hub", timeout=t.cast(int, SECONDS))
        with pytest.raises(McmFailure) as caught:
            manager.held()
        assert player.url in str(caught.value)
        assert caught.value.remedy
        failures = manager.publish({"fsp": "K"})
        assert list(failures) == ["fsp"]
        assert failures["fsp"].remedy


def _use(key: kms.KmsKey) -> None:
    key.check()
    key.wrap([b"k" * 32])


@pytest.mark.parametrize("wrong", WRONG.values(), ids=list(WRONG))
def test_aws_kms(wrong: Wrong, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kms, "_MOST_SECONDS", SECONDS)
    limits = Config(retries={"max_attempts": 0})
    given = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}
    with Player(wrong, KEY) as player, _in_time():
        client = kms.sparing(boto3.client("kms", endpoint_url=player.url, config=limits, **given))
        key = kms.KmsKey(client, "k", {}, Form())
        with pytest.raises(TrustmeshError) as caught:
            _use(key)
        assert caught.value.remedy
        assert "Traceback" not in str(caught.value)
        assert wrong.name != "a body without an end" or "its body is larger than 1 MiB" in str(caught.value)


def test_aws_kms_reads_what_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole and in chunks, an answer comes through as the library would read it."""
    monkeypatch.setattr(kms, "_MOST_SECONDS", 10 * SECONDS)
    given = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(KEY), KEY)
    for right in (
        Wrong("whole", lambda call: call.answer(200, KEY)),
        Wrong("in chunks", lambda call: call.answer(200, chunked, Content_Length=None, Transfer_Encoding="chunked")),
    ):
        with Player(right, KEY) as player:
            client = kms.sparing(boto3.client("kms", endpoint_url=player.url, **given))
            assert kms.KmsKey(client, "k", {}, Form()).arn == "arn:aws:kms:eu-west-1:1:key/k"


@pytest.mark.parametrize("wrong", WRONG.values(), ids=list(WRONG))
def test_readiness(wrong: Wrong, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_WHOLE_TRY", SECONDS)
    with Player(wrong) as player, _in_time():
        complaint = readiness._bad_answer({"url": f"{player.url}/", "ca_cert": None, "status": [299]})
        assert complaint is not None
        assert player.url in complaint


@pytest.mark.parametrize("wrong", WRONG.values(), ids=list(WRONG))
def test_a_signed_request(wrong: Wrong) -> None:
    with Player(wrong) as player, _in_time():
        address = Address.of(f"{player.url}/transfers")
        target = Target(address.host, address.port, address.host, None, None, None, None, None, None, t.cast(int, 0.2))
        answer = send(address, target, None, Request("POST", {}, b"{}"))
        assert answer.error_code is None
        assert answer.seen.trouble or answer.seen.closed or answer.seen.http_status


def test_a_handshake_that_drips() -> None:
    """R18: a server that begins a record of TLS and sends an octet of it now and then is left in time."""
    with socket.create_server(("127.0.0.1", 0)) as listener, _in_time():

        def drip() -> None:
            with contextlib.suppress(OSError):
                connection = listener.accept()[0]
                connection.sendall(b"\x16\x03\x03\x3f\xff")
                while True:
                    threading.Event().wait(0.05)
                    connection.sendall(b"\x02")

        threading.Thread(target=drip, daemon=True).start()
        port = listener.getsockname()[1]
        seen = observe(
            Target("127.0.0.1", port, "localhost", None, None, None, None, None, "/", t.cast(int, SECONDS / 2))
        )
        assert seen.trouble == f"127.0.0.1:{port} did not answer within 0.25 s"
