# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: names and behaviour here may change in any release.

"""What can go wrong between us and a Vault, each with its own name and remedy."""

from __future__ import annotations

import socket
import ssl
import typing as t

from .._core.attributes import at_limit, failure
from .._core.errors import TrustmeshError


class VaultError(TrustmeshError):
    """Base of every failure of a request to Vault or OpenBao."""

    #: HTTP status of the answer, 0 when there was none.
    status = 0
    #: What the server says about when to come back, in seconds.
    retry_after: str | None = None
    #: What the answer carries all the same: of a batch, which of its entries were refused.
    data: t.Mapping[str, t.Any] = {}
    #: Whether an earlier attempt, whose answer was lost, may have done what this one was refused.
    repeated = False


class Unreachable(VaultError):
    """No answer: the name does not resolve, nothing listens, or the answer did not come in time."""

    #: Whether the request certainly never left this host, so that repeating it cannot do a thing twice.
    unsent = False


class Unsent(Unreachable):
    unsent = True


class NotVault(VaultError):
    """Something answers, but not in the form of a Vault or OpenBao. Says nothing about any object."""


class TlsFailure(VaultError):
    """The server's certificate was not accepted, or the peer does not speak TLS."""


class Sealed(VaultError):
    """The server answers but is sealed or was never initialised."""


class Standby(VaultError):
    """The node does not serve requests; another one is active."""


class Forbidden(VaultError):
    """The token may not do this. Never a sign of absence."""

    #: Whether the server says it as it does of a token that it does not know, and not as of a policy.
    doubtful = False


class InvalidToken(VaultError):
    """The server does not accept the token at all, so that it says nothing about rights.

    Not a :class:`Forbidden`: who does without a right must not do without a login.
    """


class NoMount(VaultError):
    """Nothing is mounted at the path, which is not the same as an object that does not exist."""


class NoEndpoint(VaultError):
    """The engine is there but does not know the path."""


class NoIssuer(VaultError):
    """The PKI engine is there but holds no such CA (yet)."""


class Behind(VaultError):
    """A replica has not heard of the last write yet (412) and did nothing."""


class RateLimited(VaultError):
    """The server asks for patience (429)."""


class Rejected(VaultError):
    """The server understood and refused (400 and other 4xx)."""


class TooLarge(Rejected):
    """More in one request, or in one object, than the server or its storage takes."""


class UnknownParameter(VaultError):
    """The server ignored a field that it does not know, so the declaration cannot be true there."""


class ServerFault(VaultError):
    """The server failed (5xx). Some permanent mistakes are reported this way too, so it is not repeated blindly."""


#: What OpenBao (the first) and HashiCorp Vault (the next two) say of a request that holds too much, and both of a value
#: that their storage does not take. All but the first come as 500.
_TOO_LARGE: t.Final = (
    "refused json input due to high complexity",
    "exceeds allowed entry count",
    "exceeds allowed length",
    "put failed due to value being too large",
)


#: What the libraries call an answer that is not one of HTTP, or whose head has no end.
_NOT_HTTP: t.Final = frozenset({"BadStatusLine", "UnknownProtocol", "LineTooLong", "InvalidHeader"})


def _causes(error: BaseException | None) -> t.Iterator[BaseException]:
    """Walk everything an exception wraps; HTTP libraries hide the cause at different depths."""
    seen: set[int] = set()
    queue: list[t.Any] = [error]
    while queue:
        entry = queue.pop(0)
        if not isinstance(entry, BaseException) or id(entry) in seen:
            continue
        seen.add(id(entry))
        yield entry
        queue += [*entry.args, getattr(entry, "reason", None), entry.__cause__, entry.__context__]


def from_transport(error: Exception, url: str) -> VaultError:
    """Name a failure below HTTP: proxy, DNS, refused, TLS, timeout."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, OSError) and at_limit(cause):
            found = failure(url, cause)
            return Unreachable(f"{url} cannot be asked: {found.problem}", field="url", remedy=found.remedy)
    names = {type(cause).__name__ for cause in causes}
    if "ProxyError" in names:
        return Unsent(
            f"the proxy for {url} cannot be used",
            field="url",
            remedy="The environment of this host names it (HTTPS_PROXY, HTTP_PROXY). Correct it, or name the server "
            "in NO_PROXY.",
        )
    if "SSLError" in names or any(isinstance(cause, ssl.SSLError) for cause in causes):
        return _tls_failure(causes, url)
    for cause in causes:
        unsent = _never_sent(cause, url)
        if unsent is not None:
            return unsent
    if names & _NOT_HTTP:
        return not_vault(url, "a request", "it does not speak HTTP")
    if names & {"ReadTimeout", "ReadTimeoutError"} or any(isinstance(cause, socket.timeout) for cause in causes):
        return Unreachable(f"{url} did not answer in time", field="timeout", remedy="Raise it, or see why it is slow.")
    return Unreachable(
        f"the connection to {url} broke ({type(causes[-1]).__name__})",
        field="url",
        remedy="Check the server's log and whatever stands between here and there.",
    )


def not_vault(url: str, place: str, why: str) -> NotVault:
    """Name an answer that is not of Vault's form."""
    return NotVault(
        f"{url} answers {place}, but not as a Vault or OpenBao does: {why}",
        field="url",
        remedy="Check the address; a proxy or another service may stand there.",
    )


def _never_sent(cause: BaseException, url: str) -> VaultError | None:
    """Name what kept a connection from being made at all."""
    if isinstance(cause, socket.gaierror) or type(cause).__name__ == "NameResolutionError":
        return Unsent(
            f"the host name in {url} does not resolve", field="url", remedy="Check the name and this host's DNS."
        )
    if isinstance(cause, ConnectionRefusedError):
        return Unsent(
            f"nothing listens at {url} (connection refused)",
            field="url",
            remedy="Check that the server runs, the port, and the firewall between here and there.",
        )
    if type(cause).__name__ in ("ConnectTimeout", "ConnectTimeoutError"):
        return Unsent(
            f"{url} did not accept a connection in time",
            field="url",
            remedy="Check the address and the firewall; a dropped packet looks like this. See also timeout.",
        )
    return None


def _tls_failure(causes: t.Sequence[BaseException], url: str) -> VaultError:
    text = " ".join(str(cause) for cause in causes)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = cause.verify_message or "verification failed"
            field = "url" if "match" in why.lower() else "ca_cert"
            return TlsFailure(
                f"the certificate of {url} was not accepted: {why}",
                field=field,
                remedy="Give the PEM file of the CA that signed it in ca_cert, and a name it is valid for in url.",
            )
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text.lower():
        return TlsFailure(
            f"{url} does not speak TLS", field="url", remedy="Write http:// only for a server without TLS."
        )
    if "CERTIFICATE_REQUIRED" in text.upper() or "handshake failure" in text.lower():
        return TlsFailure(
            f"{url} refused the TLS handshake",
            field="client_cert",
            remedy="The server may demand a client certificate.",
        )
    return TlsFailure(f"TLS with {url} failed", field="url", remedy="Check the TLS versions that both sides allow.")


def speaks_tls(url: str) -> VaultError:
    """Name the failure of talking plainly to a server that wants TLS; it answers that with a 400 of its own."""
    return TlsFailure(f"{url} speaks TLS only", field="url", remedy="Write https:// instead of http://.")


def from_status(status: int, errors: t.Sequence[str], verb: str, path: str) -> VaultError:
    """Name a failure that the server reported with an HTTP status and messages."""
    said = "; ".join(" ".join(error.split()) for error in errors) or "no message"
    place = f"{verb} {path}"
    if status == 403:
        forbidden = Forbidden(
            f"permission denied for {place} ({said})",
            remedy="The token is invalid or expired, or its policies lack this path; "
            "each module's documentation lists the policy it needs.",
        )
        # Both products put what a policy denies into a list ("1 error occurred"), even when it is the only entry.
        forbidden.doubtful = said.lower() == "permission denied" or "invalid token" in said.lower()
        return forbidden
    named = _nothing_there(status, said, path) or _not_now(status, said, place)
    if named is not None:
        return named
    if "no default issuer" in said.lower() or "unable to find pki issuer" in said.lower():
        # Reported as 400 or 500, depending on the endpoint.
        return NoIssuer(
            f"{place}: {said}", field="issuer", remedy="Create the CA first (trustmesh.security.vault_pki_issuer)."
        )
    if status == 413 or any(phrase in said.lower() for phrase in _TOO_LARGE):
        return TooLarge(
            f"{place} was refused for its size (HTTP {status}: {said})",
            remedy="Divide what is declared among several objects, or raise that limit in the server's configuration.",
        )
    if status >= 500:
        return ServerFault(
            f"{place} failed on the server (HTTP {status}: {said})",
            remedy="If the message names a value, correct it: Vault reports some permanent mistakes as 500.",
        )
    return Rejected(f"{place} was refused (HTTP {status}: {said})", remedy="Correct the value that the message names.")


def _nothing_there(status: int, said: str, path: str) -> VaultError | None:
    """Tell a missing endpoint, namespace and mount apart."""
    if status in (404, 405) and "unsupported path" in said.lower():
        return NoEndpoint(
            f"the server has no endpoint {path}",
            remedy="The product or version lacks the feature, or another engine is mounted there.",
        )
    if status != 404:
        return None
    if "namespace" in said.lower():
        return NoMount(said, field="namespace", remedy="Leave it out, or create the namespace first.")
    return NoMount(
        f"nothing is mounted for {path}",
        field="mount",
        remedy="Enable the engine first (trustmesh.security.vault_mount).",
    )


def _not_now(status: int, said: str, place: str) -> VaultError | None:
    """Name what keeps this node from answering, whatever was asked."""
    if status == 412:
        return Behind(f"{place}: the replica has not caught up yet (412)", remedy="Run again, or use the active node.")
    if status == 429:
        return RateLimited(f"{place} was rate limited (429)", remedy="Lower the load or raise the quota on that path.")
    if status == 503 and "sealed" in said.lower():
        return Sealed("the server is sealed", field="url", remedy="Unseal it, then run again.")
    if status == 503 and "not initialized" in said.lower():
        return Sealed("the server was never initialised", field="url", remedy="Initialise and unseal it first.")
    if status in (307, 308, 472, 473) or (status == 503 and "standby" in said.lower()):
        return Standby(f"this node is a standby (HTTP {status})", field="url", remedy="Point url at the active node.")
    return None
