# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""Master keys in the AWS Key Management Service: data keys are wrapped and unwrapped there.

Source: the API reference of AWS KMS (Encrypt, Decrypt, ReEncrypt, DescribeKey) by way of boto3.
"""

from __future__ import annotations

import functools
import io
import typing as t

from .._core.at_once import at_once
from .._core.deadline import within
from .._core.deps import BOTO3
from .._core.errors import InvalidInput, TrustmeshError
from .._core.foreign import printable
from .._core.free_text import free_texts
from .._core.spec import Params
from .._envelope.errors import EnvelopeError
from .._envelope.provider import KeyProvider, Mover, Opener, ProviderKind
from .._envelope.record import Form

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError
    from urllib3 import HTTPResponse
    from urllib3.exceptions import HTTPError
except ImportError:  # reported by _opened() before any of it is used
    pass

_SEE: t.Final = "Check the address; a proxy or another service may stand there."
#: Seconds that a request may take with all that the library repeats.
_MOST_SECONDS: t.Final = 120.0
_CONNECT_TIMEOUT: t.Final = 10
_READ_TIMEOUT: t.Final = 30
#: Octets of an answer; the largest is a ciphertext of a few thousand.
_LARGEST_ANSWER: t.Final = 1 << 20

T = t.TypeVar("T")
R = t.TypeVar("R")

#: The service has no batches; it answers these at once.
_WORKERS: t.Final = 8
# What it answers about a ciphertext that is not of the key, or no ciphertext at all.
_NOT_OURS: t.Final = frozenset({"IncorrectKeyException", "InvalidCiphertextException"})
_REMEDIES: t.Final[dict[str, tuple[str, str]]] = {
    "AccessDeniedException": ("key_id", "Allow kms:Encrypt, kms:Decrypt, kms:ReEncrypt* and kms:DescribeKey on it."),
    "NotFoundException": ("key_id", "Give the id, ARN or alias (alias/name) of a key of this account and region."),
    "DisabledException": ("key_id", "Enable the key."),
    "KMSInvalidStateException": ("key_id", "Enable the key, or cancel its deletion."),
    "InvalidKeyUsageException": ("key_id", "Use a symmetric key for encryption (ENCRYPT_DECRYPT)."),
    "UnrecognizedClientException": ("profile", "Correct the credentials that boto3 finds on this host."),
    "ThrottlingException": ("key_id", "Run again later, or ask for a higher quota."),
}


class KmsFailure(TrustmeshError):
    """The key service refused or could not be reached."""


class KmsDenied(KmsFailure):
    """The caller may not do this with the key."""


class KmsKey:
    """A symmetric key of the service. ``context`` is authenticated with every data key (encryption context)."""

    def __init__(self, client: t.Any, key_id: str, context: t.Mapping[str, str], form: Form) -> None:
        self.client = client
        self.key_id = key_id
        self.context = dict(context)
        self.form = form

    @property
    def identity(self) -> str:
        """What the user calls it."""
        return f"kms {self.key_id}"

    def check(self) -> None:
        """Raise :class:`KmsFailure` unless the service answers and knows the key."""
        if not self.arn:
            raise _strange("Arn is empty")

    @functools.cached_property
    def arn(self) -> str:
        """The key's one name; an alias or an id stands for it."""
        about = _asked(self.client.describe_key, KeyId=self.key_id).get("KeyMetadata")
        return _field(about if isinstance(about, dict) else {}, "Arn", str)

    def wrap(self, keys: t.Sequence[bytes]) -> list[str]:
        """Return the data keys as the service writes them, in the encoding of the record."""

        def one(key: bytes) -> str:
            answer = _asked(self.client.encrypt, KeyId=self.arn, Plaintext=key, EncryptionContext=self.context)
            return self.form.write(_field(answer, "CiphertextBlob", bytes))

        return _all(one, keys)

    def unwrap(self, wrapped: t.Sequence[str]) -> list[t.Optional[bytes]]:
        """Return the data keys; ``None`` for each that is not of this key and context."""

        def one(text: str) -> bytes | None:
            blob = self.blob(text)
            if blob is None:
                return None
            fields = {"CiphertextBlob": blob, "EncryptionContext": self.context}
            try:
                answer = _asked(self.client.decrypt, KeyId=self.arn, **fields)
            except KmsDenied:
                # Emulators of the service say so of a ciphertext of another key. Whose it is, tells only the answer to
                # a request that names none; where access is denied indeed, this one is refused as well.
                answer = _asked(self.client.decrypt, **fields)
            return _field(answer, "Plaintext", bytes) if answer.get("KeyId") == self.arn else None

        return _all(one, wrapped)

    def blob(self, text: str) -> bytes | None:
        """Return the bytes of a wrapped key, ``None`` when it is in no encoding of ours."""
        try:
            return self.form.read(text) or None
        except EnvelopeError:
            return None

    def successor_of(self, old: KeyProvider) -> Mover | None:
        """Between two keys of one region the service moves data keys by itself."""
        movable = isinstance(old, KmsKey) and old.client.meta.endpoint_url == self.client.meta.endpoint_url
        return _Reencryption(t.cast(KmsKey, old), self) if movable else None


class _Reencryption:
    """From one key of the service to another, or to another encryption context."""

    def __init__(self, old: KmsKey, new: KmsKey) -> None:
        self._old = old
        self._new = new

    def is_current(self, wrapped: t.Sequence[str]) -> list[t.Optional[bool]]:
        """Try the new key, then the old one: what the service wrote does not say whose it is."""
        current: list[t.Optional[bool]] = [True if key is not None else None for key in self._new.unwrap(wrapped)]
        rest = [at for at, known in enumerate(current) if known is None]
        for at, key in zip(rest, self._old.unwrap([wrapped[at] for at in rest])):
            current[at] = False if key is not None else None
        return current

    def move(self, wrapped: t.Sequence[str]) -> list[t.Optional[str]]:
        """Let the service do it."""

        def one(text: str) -> str | None:
            blob = self._old.blob(text)
            if blob is None:
                return None
            answer = _asked(
                self._new.client.re_encrypt,
                CiphertextBlob=blob,
                SourceKeyId=self._old.arn,
                SourceEncryptionContext=self._old.context,
                DestinationKeyId=self._new.arn,
                DestinationEncryptionContext=self._new.context,
            )
            return self._new.form.write(_field(answer, "CiphertextBlob", bytes)) if answer else None

        return _all(one, wrapped)


def _all(one: t.Callable[[T], R], entries: t.Sequence[T]) -> list[R]:
    return at_once(one, entries, _WORKERS)


def _asked(call: t.Callable[..., t.Any], **fields: t.Any) -> t.Mapping[str, t.Any]:
    """Return the answer to one request; nothing for a ciphertext that is not the key's."""
    try:
        answer = within(_MOST_SECONDS, lambda: call(**fields))
    except KmsFailure:
        raise
    except ClientError as error:
        about = error.response.get("Error") or {}
        code, said = str(about.get("Code")), printable(str(about.get("Message") or "no message"))
        if code in _NOT_OURS and "CiphertextBlob" in fields:
            return {}
        field, remedy = _REMEDIES.get(code, ("endpoint_url", _SEE))
        kind = KmsDenied if code == "AccessDeniedException" else KmsFailure
        raise kind(f"{error.operation_name}: {printable(code, 60)} ({said})", field=field, remedy=remedy) from None
    except (BotoCoreError, OSError) as error:
        raise KmsFailure(
            f"AWS KMS could not be asked ({type(error).__name__}: {printable(str(error))})",
            field="endpoint_url",
            remedy="Check region, endpoint and credentials; boto3 finds these as the AWS command line does.",
        ) from None
    except Exception as error:  # pylint: disable=broad-except  # whatever the library makes of a strange answer
        raise _strange(type(error).__name__) from None
    if not isinstance(answer, dict):
        raise _strange("it is not an object")
    return answer


def _field(answer: t.Mapping[str, t.Any], name: str, sort: type[T]) -> T:
    """Return a field of an answer; raises :class:`KmsFailure` for one that is not as the service sends it."""
    value = answer.get(name)
    if not isinstance(value, sort):
        raise _strange(f"{name} is missing or of another type")
    return value


def _strange(why: str) -> KmsFailure:
    return KmsFailure(f"what answers is not AWS KMS ({why})", field="endpoint_url", remedy=_SEE)


class _Sparing:
    """Sends as the session of the library does, which would read an answer to its end, however far that is."""

    def __init__(self, session: t.Any) -> None:
        self._session = session

    def send(self, request: t.Any) -> t.Any:
        """Return the answer to a request, read as far as an answer of the service goes."""
        request.stream_output = True
        answer = self._session.send(request)
        content = io.BytesIO()
        try:
            for piece in answer.raw.stream(decode_content=False):
                if content.tell() + len(piece) > _LARGEST_ANSWER:
                    answer.raw.close()
                    raise _strange(f"its body is larger than {_LARGEST_ANSWER >> 20} MiB")
                content.write(piece)
        except HTTPError as error:
            raise ConnectionClosedError(error=error, request=request, endpoint_url=request.url) from None
        content.seek(0)
        answer.raw = HTTPResponse(content, preload_content=False)
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def sparing(client: t.Any) -> t.Any:
    """Return a client of boto3 after it was told to limit what it reads."""
    endpoint = client._endpoint  # pylint: disable=protected-access  # the library lets nobody give it another session
    endpoint.http_session = _Sparing(endpoint.http_session)
    return client


KMS: t.Final = ProviderKind(
    "aws_kms",
    {
        "key_id": {"type": "str", "no_log": False},
        "region": {"type": "str"},
        "profile": {"type": "str"},
        "endpoint_url": {"type": "str"},
        "context": {"type": "dict"},
    },
    ("key_id",),
)


def _opened(declared: Params, form: Form) -> KeyProvider:
    BOTO3.check()
    try:
        session = boto3.session.Session(profile_name=declared.get("profile"), region_name=declared.get("region"))
        # More connections than threads would be idle; fewer make threads wait.
        limits = Config(
            max_pool_connections=_WORKERS,
            retries={"mode": "standard", "max_attempts": 4},
            connect_timeout=_CONNECT_TIMEOUT,
            read_timeout=_READ_TIMEOUT,
        )
        client = sparing(session.client("kms", endpoint_url=declared.get("endpoint_url"), config=limits))
    except (BotoCoreError, ValueError) as error:
        raise InvalidInput(
            f"no connection to AWS KMS can be made ({error})", field="region", remedy="Give region, or AWS_REGION."
        ) from None
    context = free_texts(declared.get("context"), "context")
    key = KmsKey(client, declared["key_id"], context, form)
    key.check()
    return key


KMS_OPENER: t.Final[Opener] = _opened
