#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: local_process
short_description: Run background processes of the invoking user for development and tests
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Starts, restarts and stops background processes so that they run with the declared arguments.
  - This is not a service manager. Nothing restarts a process that dies and nothing starts it at boot; use
    M(ansible.builtin.systemd_service) for that.
  - A process is known by its pid file, which also holds the moment of its start. A pid that the kernel has given to
    another process since is recognised, and that process is left alone.
  - A process is restarted when its arguments, its directory, its environment or one of O(processes[].watch_files)
    differ from what it was started with.
  - Each process gets a session of its own, and outlives the play.
  - Needs Linux and no privileges.
extends_documentation_fragment:
  - trustmesh.security._attributes
options:
  processes:
    description:
      - The processes to manage, in the order in which they depend on each other. After a failure the rest is not
        attempted.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - What to call the process in messages and results.
        type: str
        required: true
      state:
        description:
          - Whether the process should run.
          - V(stopped) ends it together with everything in its session, and removes O(processes[].pid_file).
        type: str
        choices: [started, stopped]
        default: started
      argv:
        description:
          - The program and its arguments. The program has to stay in the foreground.
          - Everybody on the host can read them, so they must not hold secrets.
          - Required when O(processes[].state=started).
        type: list
        elements: str
      chdir:
        description:
          - The directory in which the program runs.
        type: path
        default: /
      environment:
        description:
          - Environment variables of the program, beside C(HOME), C(LANG), C(LC_ALL), C(LOGNAME), C(PATH), C(TMPDIR),
            C(TZ) and C(USER), which are inherited. No other variable is passed on.
        type: dict
        default: {}
      secret_environment:
        description:
          - Further environment variables, whose values are secret.
        type: dict
        default: {}
      pid_file:
        description:
          - The file that says which process it is. It identifies the process; two of them cannot share it.
          - Its first line is the pid.
        type: path
        required: true
      log_file:
        description:
          - The file to which the output of the program is appended. It is created with mode C(0600).
          - Required when O(processes[].state=started).
        type: path
      watch_files:
        description:
          - Files that the program reads once, such as its configuration. When the content of one of them differs from
            what it was when the process was started, the process is restarted.
        type: list
        elements: path
        default: []
      ready:
        description:
          - When the process counts as ready. The task waits for it, and starts nothing while another process holds the
            port.
          - When omitted, a process counts as ready as soon as it runs.
        type: dict
        suboptions:
          host:
            description:
              - The address to which O(processes[].ready.port) belongs.
            type: str
            default: 127.0.0.1
          port:
            description:
              - A TCP port on which the process accepts connections when it is ready.
              - Exactly one of this and O(processes[].ready.url) is needed.
            type: int
          url:
            description:
              - An C(http) or C(https) address that answers with O(processes[].ready.status) when the process is ready.
            type: str
          ca_cert:
            description:
              - PEM file with the CA that signed the certificate of O(processes[].ready.url).
              - When omitted, the trust store of the system.
            type: path
          status:
            description:
              - The HTTP status codes that mean ready.
            type: list
            elements: int
            default: [200]
      start_timeout:
        description:
          - Seconds to wait until the process is ready.
        type: int
        default: 30
      stop_timeout:
        description:
          - Seconds between asking the process to end and forcing it.
        type: int
        default: 10
seealso:
  - module: ansible.builtin.systemd_service
"""

EXAMPLES = r"""
- name: Serve a directory
  trustmesh.security.local_process:
    processes:
      - name: files
        argv: [python3, -m, http.server, "8000", --bind, 127.0.0.1]
        chdir: /srv/files
        pid_file: /tmp/files.pid
        log_file: /tmp/files.log

- name: Run a server that is restarted when its configuration changes
  trustmesh.security.local_process:
    processes:
      - name: openbao
        argv: [bao, server, -config=/home/dev/bao/server.hcl]
        pid_file: /home/dev/bao/server.pid
        log_file: /home/dev/bao/server.log
        watch_files: [/home/dev/bao/server.hcl]
        ready:
          url: https://127.0.0.1:8200/v1/sys/health
          ca_cert: /home/dev/bao/ca.pem
          status: [200, 501, 503]

- name: Stop both, the server first
  trustmesh.security.local_process:
    processes:
      - name: openbao
        pid_file: /home/dev/bao/server.pid
        state: stopped
      - name: files
        pid_file: /tmp/files.pid
        state: stopped
"""

RETURN = r"""
results:
  description: One entry per process, in the order of O(processes).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: Name of the process.
      returned: always
      type: str
      sample: openbao
    changed:
      description:
        - Whether this process was changed, or would be in check mode.
        - Of an item that failed, whether something was changed before it failed, or may have been.
      returned: always
      type: bool
    action:
      description:
        - What was done, or would be in check mode.
        - V(none) for an item that failed before anything was changed.
        - V(create) is a start, V(replace) a stop and a start, V(update) the wait for a process that is not ready yet,
          V(delete) a stop.
      returned: always
      type: str
      choices: [none, create, update, replace, delete]
      sample: replace
    reasons:
      description: Why, one sentence per difference.
      returned: always
      type: list
      elements: str
      sample: [/home/dev/bao/server.hcl changed since the process was started]
    warnings:
      description: What deserves attention although it is not an error.
      returned: always
      type: list
      elements: str
    process:
      description: The process as it is after the task; in check mode as it is now.
      returned: when there is a pid file
      type: dict
      contains:
        pid:
          description: The process id.
          returned: always
          type: int
          sample: 4711
        running:
          description: Whether it runs. When not, its pid file was left behind.
          returned: always
          type: bool
        ready:
          description: Whether O(processes[].ready) holds.
          returned: when O(processes[].ready) is given
          type: bool
        argv:
          description: What it was started with.
          returned: always
          type: list
          elements: str
        chdir:
          description: Where it was started.
          returned: always
          type: str
        pid_file:
          description: The pid file.
          returned: always
          type: str
        log_file:
          description: The log file.
          returned: always
          type: str
    failed:
      description: Whether this item failed.
      returned: on failure of the item
      type: bool
    msg:
      description: What went wrong and what to do.
      returned: on failure of the item
      type: str
summary:
  description:
    - Number of items by RV(results[].action), and of failures.
    - An item that failed is not counted under V(none). It is counted under its action too if it changed something.
  returned: always
  type: dict
  sample: {create: 1, delete: 0, failed: 0, none: 1, replace: 0, update: 0}
"""

import contextlib

from ..module_utils._core.module import reconcile_module
from ..module_utils._core.reconcile import Batch
from ..module_utils._core.spec import Params, batch, build_each
from ..module_utils._host.process import LocalProcess
from ..module_utils._host.readiness import READY_OPTIONS

SPEC = batch(
    "processes",
    {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
        "argv": {"type": "list", "elements": "str"},
        "chdir": {"type": "path", "default": "/"},
        "environment": {"type": "dict", "default": {}},
        "secret_environment": {"type": "dict", "default": {}, "no_log": True},
        "pid_file": {"type": "path", "required": True},
        "log_file": {"type": "path"},
        "watch_files": {"type": "list", "elements": "path", "default": []},
        "ready": {
            "type": "dict",
            "options": READY_OPTIONS,
            "mutually_exclusive": [("port", "url")],
            "required_one_of": [("port", "url")],
        },
        "start_timeout": {"type": "int", "default": 30},
        "stop_timeout": {"type": "int", "default": 10},
    },
    required_if=[("state", "started", ("argv", "log_file"))],
)


def build(params: Params, stack: contextlib.ExitStack) -> Batch:
    """Return the declared processes as resources; a later one may need an earlier one."""
    return Batch(build_each(SPEC, params, LocalProcess.declared), ordered=True)


def main() -> None:
    """Run the module."""
    reconcile_module(SPEC, build)


if __name__ == "__main__":
    main()
