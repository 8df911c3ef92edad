# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nginx of Debian (package ``nginx-light``) with servers given as text, on loopback."""

from __future__ import annotations

import pathlib
import shutil

from tests.rigs.process import MissingPartError, Process, clean_environment, free_port, listening

_CONFIG = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr info;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    {server}
  }}
}}
"""


class Nginx:
    """One process with one TLS server; ``server`` is what its block says beside the address. A context manager."""

    def __init__(self, directory: pathlib.Path, server: str) -> None:
        program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        if program is None:
            raise MissingPartError("nginx is missing: install nginx-light")
        directory.mkdir(mode=0o700)
        self.port = free_port()
        config = directory / "nginx.conf"
        config.write_text(_CONFIG.format(directory=directory, port=self.port, server=server))
        argv = [program, "-p", str(directory), "-c", str(config)]
        self._process = Process("nginx", argv, directory, clean_environment())

    def __enter__(self) -> Nginx:
        self._process.start()
        self._process.ready(self._listens, 20, "nginx")
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.stop()

    def _listens(self) -> bool:
        pid = self._process.pid
        return pid is not None and ("127.0.0.1", self.port) in listening(pid)
