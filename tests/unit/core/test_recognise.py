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
from plugins.module_utils._core.mistaken import WANTED, explained, is_other
from plugins.module_utils._core.recognise import recognise
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
openssl ca -config ca.cnf -gencrl -crl_lastupdate 20600101000000Z -crl_nextupdate 20610101000000Z -out late.pem
openssl crl -in late.pem -outform DER -out late-list.der
openssl x509 -req -in request.pem -signkey key.pem -days 3 -outform DER -out version1.der
openssl pkcs8 -topk8 -in key.pem -v1 PBE-SHA1-3DES -passout pass:secret -outform DER -out locked-by-sha1.der
openssl cms -sign -stream -nodetach -in number -signer cert.pem -inkey key.pem -outform DER -out streamed.der
openssl cms -sign -nodetach -in number -signer cert.pem -inkey key.pem -outform PEM -out signed.pem
openssl ecparam -name prime256v1 -out parameters.pem
ssh-keygen -q -t rsa -N '' -f ssh
ssh-keygen -e -m RFC4716 -f ssh.pub > ssh2.pub
openssl rsa -in key.pem -traditional -out pkcs1.pem
openssl rsa -in key.pem -RSAPublicKey_out -out pkcs1-public.pem
printf '\\316\\316\\316\\316\\0\\0\\0\\2' > store.jceks
base64 cert.der > cert.b64
head -3 cert.pem > cut.pem
iconv -t UTF-16LE cert.pem > utf16-little.pem
iconv -t UTF-16BE cert.pem > utf16-big.pem
printf '\\377\\376' | cat - utf16-little.pem > utf16.pem
printf '\\376\\377' | cat - utf16-big.pem > utf16-big-marked.pem
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
    "ssh2.pub": "an SSH public key",
    "late-list.der": "a revocation list in DER",
    "version1.der": "a certificate in DER",
    "locked-by-sha1.der": "an encrypted private key in DER",
    "streamed.der": "a PKCS#7 bundle",
    "signed.pem": "a PKCS#7 bundle",
    "parameters.pem": "a set of EC parameters without a key",
    "pkcs1.pem": "a private key",
    "pkcs1-public.pem": "a public key in PKCS#1 form",
    "store.jceks": "a Java keystore",
    "cert.b64": "base64 of a certificate in DER",
    "cut.pem": "a PEM block without its end (-----END CERTIFICATE-----)",
    "utf16.pem": "a text in UTF-16",
    "utf16-little.pem": "a text in UTF-16",
    "utf16-big.pem": "a text in UTF-16",
    "utf16-big-marked.pem": "a text in UTF-16",
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
    "private key": (load_private_key, {"key.pem", "pkcs1.pem", "with-parameters.pem"}),
    "certificate": (parse_certificates, {"cert.pem", "cert.der", "version1.der"}),
    "request": (lambda data: load_request(data.decode("latin-1")), {"request.pem"}),
    "revocation list": (parse_crl, {"list.pem", "list.der", "late-list.der"}),
    "public key": (load_public, {"cert.pem", "public.pem", "pkcs1-public.pem"}),
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
        ("ssh2.pub", "public key"),
        ("pkcs1-public.pem", "public key"),
        ("locked-by-sha1.der", "private key"),
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


@pytest.mark.parametrize(
    ("name", "wanted", "fits"),
    [
        ("cert.pem", "certificate", True),
        ("cert.pem", "PEM certificate", True),
        ("cert.der", "certificate", True),
        ("cert.der", "PEM certificate", False),
        ("cert.pem", "private key", False),
        ("list.der", "revocation list", True),
        ("note.txt", "certificate", True),
    ],
)
def test_f7_what_serves_as_it_is_is_not_something_else(files: pathlib.Path, name: str, wanted: str, fits: bool) -> None:
    data = (files / name).read_bytes()

    assert is_other(data, wanted) is not fits
    assert (explained("damaged", "Look.", data, wanted) == ("damaged", "Look.")) is fits


@pytest.mark.parametrize(
    ("data", "wanted", "remedy"),
    [
        ("bundle.p12", "request", "Give the PEM file."),
        ("store.jks", "private key", "keytool -importkeystore -srckeystore FILE"),
        ("utf16.pem", "certificate", "iconv -f UTF-16 -t UTF-8 FILE"),
        ("vaulted.pem", "certificate", "ansible-vault decrypt"),
        ("page.pem", "certificate", "Fetch the file again"),
        ("key.jwk", "private key", "Convert it to PEM."),
        ("cut.pem", "certificate", "Restore the whole file."),
        ("cert.b64", "certificate", "base64 -d"),
        ("list.pem", "private key", "Give a private key in PEM form."),
        ("parameters.pem", "private key", "Give a private key in PEM form."),
        (b"PuTTY-User-Key-File-2: ssh-rsa\n", "private key", "puttygen FILE -O private-openssh"),
        (b"PuTTY-User-Key-File-2: ssh-rsa\n", "certificate", "Give a certificate."),
        (b"-----BEGIN PGP MESSAGE-----\n-----END PGP MESSAGE-----\n", "private key", "Decrypt it first."),
        (b" \n", "request", "Give a certificate request in PEM form."),
        (b"hello", "request", "Look."),
    ],
)
def test_f7_the_remedy_fits_what_it_is_and_what_is_wanted(
    files: pathlib.Path, data: str | bytes, wanted: str, remedy: str
) -> None:
    content = data if isinstance(data, bytes) else (files / data).read_bytes()

    assert remedy in explained("nothing was found", "Look.", content, wanted)[1]


@pytest.mark.parametrize(
    ("name", "label", "wanted"),
    [
        ("cert.pem", "X509 CERTIFICATE", "certificate"),
        ("request.pem", "NEW CERTIFICATE REQUEST", "request"),
        ("key.pem", "DSA PRIVATE KEY", "private key"),
        ("key.pem", "EC PRIVATE KEY", "private key"),
        ("locked.pem", "ENCRYPTED PRIVATE KEY", "private key"),
    ],
)
def test_f7_older_labels_serve_as_the_usual_ones_do(files: pathlib.Path, name: str, label: str, wanted: str) -> None:
    usual = (files / name).read_bytes()
    title = usual.partition(b"-----BEGIN ")[2].partition(b"-----")[0]
    older = usual.replace(title + b"-----", label.encode() + b"-----")

    assert recognise(older) == recognise(usual)
    assert not is_other(older, wanted)
    assert ("-pubout" in explained("nothing", "", older, "public key")[1]) is (wanted == "private key")


def test_f7_of_several_objects_the_wanted_one_counts_else_the_first(files: pathlib.Path) -> None:
    both = (files / "key.pem").read_bytes() + (files / "cert.pem").read_bytes()

    whats = {
        wanted: sort.what for wanted in ("certificate", "private key", "request") if (sort := recognise(both, wanted))
    }

    assert whats == {"certificate": "a certificate", "private key": "a private key", "request": "a private key"}


def _der(tag: int, content: bytes, width: int = 0) -> bytes:
    """Spell an element with its length in as many octets as are wished, as BER allows."""
    if not width:
        return bytes([tag, len(content)]) + content
    return bytes([tag, 0x80 | width]) + len(content).to_bytes(width, "big") + content


@pytest.mark.parametrize("width", [0, 1, 2, 3, 4, 5])
def test_f7_lengths_are_read_in_every_spelling(width: int) -> None:
    version = _der(0x02, b"\0", width)
    key = _der(
        0x30, version + _der(0x30, _der(0x06, b"\x2b\x65\x70", width), width) + _der(0x04, b"x" * 100, width), width
    )

    sort = recognise(key)

    assert sort
    assert sort.what == "a private key in DER"


_SIGNED_TAIL: t.Final = _der(0x30, b"") + _der(0x03, b"\0")
_NUMBER: t.Final = _der(0x02, b"\1")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (_der(0x30, _NUMBER + _der(0x30, b"") * 2) + _SIGNED_TAIL, "a certificate request in DER"),
        (_der(0x30, _NUMBER + _der(0x30, b"") * 2 + _der(0xA0, b"")) + _SIGNED_TAIL, "a certificate request in DER"),
        (_der(0x30, _NUMBER + _der(0x30, b"") * 5) + _SIGNED_TAIL, "a certificate in DER"),
        (_der(0x30, _NUMBER + _der(0x30, b"") * 4) + _SIGNED_TAIL, None),
        (_der(0x30, _der(0x30, b"") * 2 + _der(0x17, b"")) + _SIGNED_TAIL, "a revocation list in DER"),
        (_der(0x30, _NUMBER + _der(0x30, b"") * 5) + _SIGNED_TAIL + _NUMBER, None),
        (_der(0x30, _der(0x06, b"x")) + _der(0x04, b""), None),
        (_der(0x06, b"x") + _der(0xA0, b""), None),
        (_NUMBER + _der(0x30, _der(0x06, b"x")), None),
        (_NUMBER + _der(0x30, b"") + _der(0x04, b""), "a private key in DER"),
        (_NUMBER * 2, "a public key in PKCS#1 form, in DER"),
        (_NUMBER * 3, "a private key in DER"),
        (_NUMBER, None),
        (b"", None),
        (b"\x30", None),
    ],
)
def test_f7_structures_are_told_by_their_members(content: bytes, what: str | None) -> None:
    sort = recognise(_der(0x30, content))

    assert (sort and sort.what) == what


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40, 300])
def test_f7_damaged_files_are_told_without_a_defect(files: pathlib.Path, size: int) -> None:
    for name in _SORTS:
        whole = (files / name).read_bytes()
        for data in (whole[:size], whole[size:], whole[:size] + b"\xff" * 8 + whole[size + 8 :]):
            for wanted in WANTED:
                explained("nothing was found", "Look.", data, wanted)
