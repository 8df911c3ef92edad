# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kind 2: a library that opens files by name gets what was read once, and code of others is not run."""

from __future__ import annotations

import errno
import os
import pathlib
import resource
import ssl
import typing as t

import pytest

from plugins.module_utils._core.attributes import FileFailure
from plugins.module_utils._core.client_pair import load_client_pair, trusting
from plugins.module_utils._core.errors import InvalidInput
from plugins.module_utils._core.lending import lend, refuse_strange_code
from tests.unit.pki import forge

STRANGER = 54321
takes_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root")


def test_what_is_lent_stays_when_the_name_leads_elsewhere(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("first")
    path.chmod(0o640)
    with lend(str(path), "client_key") as lent:
        path.unlink()
        path.symlink_to("/etc/shadow")
        assert pathlib.Path(lent.name).read_bytes() == lent.content == b"first"
        assert pathlib.Path(lent.name).stat().st_mode & 0o777 == 0o640, "libpq judges the mode of a key"
    assert not pathlib.Path(lent.name).exists()


def test_none_is_named_by_its_option(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InvalidInput, match="does not exist on this host") as failure, lend(str(tmp_path / "x"), "o"):
        pass
    assert failure.value.field == "o"


def _link(path: pathlib.Path) -> None:
    path.symlink_to("/etc/shadow")


@takes_root
@pytest.mark.parametrize("make", [os.mkfifo, _link])
def test_what_a_service_user_put_there_is_not_opened(tmp_path: pathlib.Path, make: t.Callable[..., None]) -> None:
    path = tmp_path / "ca.pem"
    make(path)
    for entry in (path, tmp_path):
        os.chown(entry, STRANGER, STRANGER, follow_symlinks=False)
    with pytest.raises(FileFailure, match=r"is a (named pipe|symbolic link that)"):
        trusting(str(path))


def test_a_limit_of_this_process_is_not_the_fault_of_a_file(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle of CAs was said to be unusable, and writing its copy to be a defect."""
    path = tmp_path / "ca.pem"
    path.write_bytes(forge.make("client").pem)

    def refuse(**_options: t.Any) -> t.NoReturn:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as limited:
        limited.setattr(ssl, "create_default_context", refuse)
        with pytest.raises(FileFailure, match=r"ca\.pem: the limit for open files of this process is reached"):
            trusting(str(path))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(FileFailure, match=r"ca\.pem: the limit for the size of a file is reached"):
            trusting(str(path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_f7_each_file_of_a_pair_is_named_for_what_it_is(tmp_path: pathlib.Path) -> None:
    made = forge.make("client")
    held = {"cert.pem": made.pem, "cert.der": made.der, "key.pem": made.key_pem}
    for name, content in held.items():
        (tmp_path / name).write_bytes(content)
    certificate, der, key = (str(tmp_path / name) for name in held)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    load_client_pair(context, certificate, key)
    with pytest.raises(InvalidInput, match="this is a private key") as failure:
        load_client_pair(context, key, key)
    assert failure.value.field == "client_cert"
    with pytest.raises(InvalidInput, match="this is a certificate") as failure:
        load_client_pair(context, certificate, certificate)
    assert failure.value.field == "client_key"
    with pytest.raises(InvalidInput, match="this is a certificate in DER") as failure:
        load_client_pair(context, der, key)
    assert "openssl x509 -inform DER" in str(failure.value.remedy)


@takes_root
@pytest.mark.parametrize(("who", "mode"), [(STRANGER, 0o644), (0, 0o666)])
def test_code_that_others_can_write_is_not_loaded(tmp_path: pathlib.Path, who: int, mode: int) -> None:
    library = tmp_path / "lib.so"
    library.write_bytes(b"")
    refuse_strange_code(str(library), "holder.library")
    library.chmod(mode)
    os.chown(library, who, who)
    with pytest.raises(FileFailure, match="its code is not run") as failure:
        refuse_strange_code(str(library), "holder.library")
    assert failure.value.field == "holder.library"


@takes_root
def test_code_in_a_directory_that_others_can_write_is_not_loaded(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "lib.so").write_bytes(b"")
    os.chown(folder, STRANGER, STRANGER)
    with pytest.raises(FileFailure, match="its code is not run"):
        refuse_strange_code(str(folder / "lib.so"), "holder.library")


def test_code_that_cannot_be_looked_at_is_named(tmp_path: pathlib.Path) -> None:
    path = f"{tmp_path}/{'n' * 300}.so"
    with pytest.raises(FileFailure, match="the name is too long") as failure:
        refuse_strange_code(path, "holder.library")
    assert failure.value.field == path


def test_names_that_the_system_looks_for_are_left_to_it(tmp_path: pathlib.Path) -> None:
    refuse_strange_code("libsofthsm2.so", "holder.library")
    refuse_strange_code(str(tmp_path / "none.so"), "holder.library")
