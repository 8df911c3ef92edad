# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F7: kinds of files are recognised and named, with a remedy that fits; files are made by OpenSSL and OpenSSH."""

from __future__ import annotations

import pathlib
import subprocess
import tempfile
import typing as t
from collections.abc import Callable

import pytest

from plugins.module_utils._core.client_pair import trusting
from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.recognise import WANTED, explained, recognise
from plugins.module_utils._jose.ed25519 import read_private
from plugins.module_utils._jose.errors import JoseError
from plugins.module_utils._jose.keys import load_private, load_public
from plugins.module_utils._pki.certificate import parse_certificates
from plugins.module_utils._pki.errors import PkiError
from plugins.module_utils._pki.keys import load_private_key
from plugins.module_utils._pki.request import load_request
from plugins.module_utils._pki.revocation import parse_crl

_MAKE: t.Final = """
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=x -days 3
openssl pkcs12 -export -in cert.pem -inkey key.pem -passout pass:secret -out bundle.p12
openssl x509 -in cert.pem -outform DER -out cert.der
openssl x509 -in cert.pem -trustout -out trusted.pem
openssl pkey -in key.pem -outform DER -out key.der
openssl rsa -in key.pem -traditional -outform DER -out pkcs1.der
openssl pkcs8 -topk8 -in key.pem -passout pass:secret -outform DER -out locked.der
openssl pkcs8 -topk8 -in key.pem -passout pass:secret -out locked.pem
openssl pkey -in key.pem -pubout -outform DER -out public.der
openssl pkey -in key.pem -pubout -out public.pem
openssl rsa -in key.pem -RSAPublicKey_out -outform DER -out pkcs1-public.der
openssl req -new -key key.pem -subj /CN=q -out request.pem
openssl req -in request.pem -outform DER -out request.der
openssl crl2pkcs7 -nocrl -certfile cert.pem -out bundle.p7b
openssl crl2pkcs7 -nocrl -certfile cert.pem -outform DER -out bundle.p7c
openssl ecparam -genkey -name prime256v1 -noout -outform DER -out sec1.der
openssl ecparam -genkey -name prime256v1 -out with-parameters.pem
openssl genpkey -algorithm ed25519 -outform DER -out ed25519.der
openssl ca -config ca.cnf -gencrl -out list.pem
openssl crl -in list.pem -outform DER -out list.der
ssh-keygen -q -t rsa -N '' -f ssh
base64 cert.der > cert.b64
head -3 cert.pem > cut.pem
iconv -t UTF-16 cert.pem > utf16.pem
printf '\\376\\355\\376\\355\\0\\0\\0\\2' > store.jks
printf '$ANSIBLE_VAULT;1.1;AES256\\n6162\\n' > vaulted.pem
printf '<!DOCTYPE html><html></html>' > page.pem
printf '{"kty": "OKP", "crv": "Ed25519"}' > key.jwk
printf ' \\n' > empty.pem
printf 'hello' > note.txt
"""
_SORTS: t.Final = {
    "key.pem": "a private key",
    "cert.pem": "a certificate",
    "bundle.p12": "a PKCS#12 keystore",
    "cert.der": "a certificate in DER",
    "trusted.pem": "an OpenSSL trusted certificate",
    "key.der": "a private key in DER",
    "pkcs1.der": "a private key in DER",
    "sec1.der": "a private key in DER",
    "ed25519.der": "a private key in DER",
    "locked.der": "an encrypted private key in DER",
    "locked.pem": "an encrypted private key",
    "public.der": "a public key in DER",
    "public.pem": "a public key",
    "pkcs1-public.der": "a public key in PKCS#1 form, in DER",
    "request.pem": "a certificate request",
    "request.der": "a certificate request in DER",
    "bundle.p7b": "a PKCS#7 bundle",
    "bundle.p7c": "a PKCS#7 bundle",
    "list.pem": "a revocation list",
    "list.der": "a revocation list in DER",
    "ssh": "an OpenSSH private key",
    "ssh.pub": "an SSH public key",
    "cert.b64": "base64 of a certificate in DER",
    "cut.pem": "a PEM block without its end (-----END CERTIFICATE-----)",
    "utf16.pem": "a text in UTF-16",
    "store.jks": "a Java keystore",
    "vaulted.pem": "a file that ansible-vault encrypted",
    "page.pem": "an HTML page",
    "key.jwk": "a JSON Web Key",
    "note.txt": None,
}


def _trust(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        trusting(file.name)


_READERS: t.Final[dict[str, tuple[Callable[[bytes], t.Any], set[str]]]] = {
    "private key": (load_private_key, {"key.pem", "with-parameters.pem"}),
    "certificate": (parse_certificates, {"cert.pem", "cert.der"}),
    "request": (lambda data: load_request(data.decode("latin-1")), {"request.pem"}),
    "revocation list": (parse_crl, {"list.pem", "list.der"}),
    "public key": (load_public, {"cert.pem", "public.pem"}),
    "PEM certificate": (_trust, {"cert.pem", "trusted.pem", "list.pem"}),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A directory with a file of every sort."""
    directory = tmp_path_factory.mktemp("sorts")
    (directory / "index").touch()
    (directory / "number").write_text("01\n")
    (directory / "ca.cnf").write_text(
        "[ca]\ndefault_ca=a\n[a]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=3\n"
        "private_key=key.pem\ncertificate=cert.pem\n"
    )
    subprocess.run(["sh", "-e", "-c", _MAKE], cwd=directory, check=True, capture_output=True)
    return directory


@pytest.mark.parametrize("name", _SORTS)
def test_f7_every_sort_is_told_by_its_look(files: pathlib.Path, name: str) -> None:
    sort = recognise((files / name).read_bytes())

    assert (sort and sort.what) == _SORTS[name]


@pytest.mark.parametrize("wanted", _READERS)
def test_f7_what_is_something_else_is_named_with_a_remedy(files: pathlib.Path, wanted: str) -> None:
    read, readable = _READERS[wanted]
    for name in [*_SORTS, "empty.pem", "with-parameters.pem"]:
        data = (files / name).read_bytes()
        if name in readable:
            read(data)
            continue
        if wanted == "request" and not data.isascii():  # requests are declared as text
            continue
        with pytest.raises((PkiError, JoseError, InvalidInput)) as failure:
            read(data)
        error = failure.value
        sort = recognise(data, wanted)
        assert error.remedy, (name, str(error))
        assert "damaged" not in str(error), (name, str(error))
        assert "malformed" not in str(error), (name, str(error))
        if name == "empty.pem":
            assert "it is empty" in str(error)
        elif sort and not sort.fits(wanted) and not name.startswith(("key.pem", "locked.pem", "with-", "ssh")):
            assert f"this is {sort.what}" in str(error), (name, str(error))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("bundle.p12", "private key"),
        ("bundle.p12", "certificate"),
        ("bundle.p7b", "certificate"),
        ("key.der", "private key"),
        ("locked.der", "private key"),
        ("public.der", "public key"),
        ("pkcs1-public.der", "public key"),
        ("cert.der", "public key"),
        ("key.pem", "public key"),
        ("request.der", "request"),
        ("ssh", "private key"),
        ("ssh.pub", "public key"),
        ("trusted.pem", "certificate"),
    ],
)
def test_f7_the_command_of_a_remedy_makes_what_is_wanted(
    files: pathlib.Path, tmp_path: pathlib.Path, name: str, wanted: str
) -> None:
    data = (files / name).read_bytes()
    (tmp_path / "FILE").write_bytes(data)
    (tmp_path / "FILE").chmod(0o600)
    remedy = explained("nothing was found", "", data, wanted)[1]
    command = remedy.partition(": ")[2]
    command += " -N ''" if "-p -m" in command else ""
    command += " -passin pass:secret" if "pkcs12" in command or "pkcs8" in command else ""

    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, capture_output=True)

    made = [path for path in tmp_path.iterdir() if path.name != "FILE"]
    changed = (tmp_path / "FILE").read_bytes()
    text = made[0].read_bytes() if made else done.stdout if changed == data else changed
    sort = recognise(text, "certificate" if name == "cert.der" else wanted)
    assert sort is not None
    assert sort.serves in (wanted, "certificate")


def test_f7_callers_that_take_no_passphrase_do_not_ask_for_one(files: pathlib.Path) -> None:
    locked = (files / "locked.pem").read_bytes()

    for read in (load_private_key, load_private, lambda data: read_private(data.decode())):
        with pytest.raises((PkiError, JoseError), match="Give the key without encryption: openssl pkey") as failure:
            read(locked)
        assert "Declare" not in str(failure.value)
    with pytest.raises(PkiError, match=r"Declare its passphrase \(key_passphrase_file\)"):
        load_private_key(locked, option="key_passphrase_file")


def test_every_sort_that_can_be_wanted_has_a_name() -> None:
    assert set(_READERS) == set(WANTED)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40, 300])
def test_f7_damaged_files_are_told_without_a_defect(files: pathlib.Path, size: int) -> None:
    for name in _SORTS:
        whole = (files / name).read_bytes()
        for data in (whole[:size], whole[size:], whole[:size] + b"\xff" * 8 + whole[size + 8 :]):
            for wanted in WANTED:
                explained("nothing was found", "Look.", data, wanted)
