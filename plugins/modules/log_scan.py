#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: log_scan
short_description: Search log files for secrets
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Searches log files line by line for what must not be in a log. Private keys, tokens, passwords, credentials in
    headers and URLs, numbers of payment cards, and keys in hexadecimal or base64.
  - A finding names the line and has an excerpt, which is built from instants and common words before the secret and
    ends where the secret begins. Nothing of a secret is returned.
  - A finding is a result and not a failure; RV(results[].ok) and RV(summary) tell. A file that cannot be read fails the
    task after all files were looked at, with the results of the others in place.
  - Files that C(gzip), C(bzip2) or C(xz) compressed are read as well, up to 64 MiB or 250 times their size, whichever
    is more. Text in UTF-16 and JSON that is nested in JSON are searched too.
  - What cannot be searched, such as a binary journal of systemd, is counted in RV(results[].unread).
extends_documentation_fragment:
  - trustmesh.security._attributes.info
options:
  paths:
    description:
      - Files, directories that are searched to any depth, or patterns such as V(/var/log/hub/*.log) and
        V(/srv/**/*.log). One that stands for no file is an error.
    type: list
    elements: path
    required: true
  exclude:
    description:
      - Files to leave out, as patterns of whole paths, or of names when they hold no slash.
    type: list
    elements: str
    default: []
  rules:
    description:
      - The rules to apply. They are V(private-key), V(putty-key), V(age-key), V(vault-token), V(aws-access-key),
        V(github-token), V(gitlab-token), V(slack-token), V(slack-webhook), V(stripe-key), V(google-api-key),
        V(npm-token), V(pypi-token), V(service-token), V(json-web-token), V(url-password), V(authorization-header),
        V(password-field), V(secret-element), V(password-word), V(payment-card-number), V(hex-key) and V(base64-key).
      - When omitted, all.
    type: list
    elements: str
  skip_rules:
    description:
      - Rules to leave out.
    type: list
    elements: str
    default: []
  extra_rules:
    description:
      - Further rules.
    type: list
    elements: dict
    default: []
    suboptions:
      rule:
        description:
          - Name of the rule.
        type: str
        required: true
      pattern:
        description:
          - Regular expression of Python. The group C(secret), if there is one, is what is secret of a match.
        type: str
        required: true
      title:
        description:
          - What it finds, in words that fit after "holds".
          - When omitted, the name of the rule.
        type: str
      severity:
        description:
          - How bad it is.
        type: str
        choices: [critical, high, medium]
        default: high
  known_digests:
    description:
      - Values in hexadecimal that look like keys and are digests of something public, such as images of containers.
      - What follows a word such as C(sha256), C(digest), C(fingerprint) or C(trace_id) is not taken for a key anyway.
    type: list
    elements: str
    default: []
  tail_bytes:
    description:
      - Look at no more than so many bytes at the end of each file that is not compressed. Lines keep their numbers.
      - When omitted, whole files are searched.
    type: int
  max_findings:
    description:
      - How many findings of a file to tell. All are counted.
    type: int
    default: 200
  allow:
    description:
      - Findings that are known and allowed, each with an owner and an expiry.
      - An entry covers the findings that agree with it in everything that is given.
    type: list
    elements: dict
    default: []
    suboptions:
      rule:
        description:
          - Rule of the findings.
          - At least one of this, O(allow[].path) and O(allow[].fingerprint) is needed.
        type: str
      path:
        description:
          - Path of the findings, as they tell it. C(*) stands for any text, C(?) for any character.
        type: str
      fingerprint:
        description:
          - Fingerprint of the findings. Those in logs have none, because a short secret could be guessed from it.
        type: str
      owner:
        description:
          - Who answers for it.
        type: str
        required: true
      reason:
        description:
          - Why it is allowed.
        type: str
        required: true
      expires:
        description:
          - Last day on which it is allowed, in UTC, like V(2026-12-31).
        type: str
        required: true
seealso:
  - module: trustmesh.security.repo_secret_scan
  - module: trustmesh.security.file_secret_audit
"""

EXAMPLES = r"""
- name: Search the logs of a service
  trustmesh.security.log_scan:
    paths: [/var/log/hub]
  register: logs

- name: Search the last ten megabytes, with a rule of the house and a known exception
  trustmesh.security.log_scan:
    paths: [/var/log/hub/*.log, /var/log/nginx/access.log]
    exclude: ["*.gz"]
    tail_bytes: 10485760
    extra_rules:
      - rule: account-number
        title: the number of an account
        pattern: 'account=(?P<secret>\d{10})'
    allow:
      - rule: json-web-token
        path: /var/log/hub/replay.log
        owner: payments team
        reason: tokens of the test bench, dead within a minute
        expires: "2026-12-31"
  register: logs

- name: Stop when there is something
  ansible.builtin.assert:
    that: logs.summary.findings == 0
    fail_msg: "{{ logs.results | map(attribute='findings', default=[]) | flatten | map(attribute='problem') }}"
"""

RETURN = r"""
results:
  description: One entry per file, in the order of O(paths).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: The file.
      returned: always
      type: str
      sample: /var/log/hub/api.log
    ok:
      description: Whether nothing was found but what is allowed.
      returned: when the file could be read
      type: bool
    lines:
      description: Number of the last line that was looked at.
      returned: when the file could be read
      type: int
    matches:
      description: Number of secrets by rule, those beyond O(max_findings) included.
      returned: when the file could be read
      type: dict
      sample: {json-web-token: 2}
    findings:
      description: What was found, worst first.
      returned: when the file could be read
      type: list
      elements: dict
      contains:
        rule:
          description: The rule that found it.
          returned: always
          type: str
          sample: json-web-token
        severity:
          description: How bad it is.
          returned: always
          type: str
          choices: [critical, high, medium]
        path:
          description: The file.
          returned: always
          type: str
        line:
          description: Number of the line.
          returned: always
          type: int
          sample: 17
        problem:
          description: What is wrong.
          returned: always
          type: str
          sample: line 17 holds a signed JSON Web Token
        remedy:
          description: What to do.
          returned: always
          type: str
        excerpt:
          description: What is known to be harmless of the line before it, and the rule in its place.
          returned: always
          type: str
          sample: "2026-11-21T10:00:00Z GET [...] token=[json-web-token]"
        allowed_by:
          description: Owner of the allowance that covers it; null when there is none.
          returned: always
          type: str
    unread:
      description: Number of files that were not looked into, or not to their end, by reason.
      returned: when the file could be read
      type: dict
      sample: {packed with zstd: 1}
    complete:
      description: Whether everything was looked into and every secret has its finding. See RV(results[].unread) and
        O(max_findings).
      returned: when the file could be read
      type: bool
    failed:
      description: Whether the file could not be read.
      returned: when it could not be read
      type: bool
    msg:
      description: What went wrong and what to do.
      returned: when it could not be read
      type: str
allowances:
  description: One entry per item of O(allow).
  returned: always
  type: list
  elements: dict
  contains:
    rule:
      description: The rule it is about.
      returned: when given
      type: str
    path:
      description: The path it is about.
      returned: when given
      type: str
    fingerprint:
      description: The fingerprint it is about.
      returned: when given
      type: str
    owner:
      description: Who answers for it.
      returned: always
      type: str
    reason:
      description: Why it is allowed.
      returned: always
      type: str
    expires:
      description: Last day on which it is allowed.
      returned: always
      type: str
      sample: "2026-12-31"
    verdict:
      description:
        - V(used) when it covers a finding, V(expired) when it would if it had not run out, V(unused) when nothing needs
          it any more.
      returned: always
      type: str
      choices: [used, expired, unused]
summary:
  description: Number of files by verdict, of findings, and of entries of O(allow) that allow nothing.
  returned: always
  type: dict
  sample: {ok: 3, problems: 1, failed: 0, findings: 2, allowed: 1, stale_allowances: 0}
"""

import contextlib
import typing as t

from ..module_utils._core.clock import system_clock
from ..module_utils._core.module import inform_module
from ..module_utils._core.spec import Params, Spec
from ..module_utils._hygiene.finding import ALLOW, Allowances
from ..module_utils._hygiene.log import RULE_OPTIONS, LogRules, LogScan

SPEC = Spec(
    {
        "paths": {"type": "list", "elements": "path", "required": True},
        "exclude": {"type": "list", "elements": "str", "default": []},
        "rules": {"type": "list", "elements": "str"},
        "skip_rules": {"type": "list", "elements": "str", "default": []},
        "extra_rules": {"type": "list", "elements": "dict", "default": [], "options": RULE_OPTIONS},
        "known_digests": {"type": "list", "elements": "str", "default": []},
        "tail_bytes": {"type": "int"},
        "max_findings": {"type": "int", "default": 200},
        **ALLOW,
    }
)


def gather(params: Params, stack: contextlib.ExitStack) -> t.Mapping[str, t.Any]:
    """Return what was found in every file."""
    scan = LogScan(LogRules.declared(params), Allowances(params["allow"], system_clock()), params["tail_bytes"])
    return scan.run(params["paths"], params["exclude"])


def main() -> None:
    """Run the module."""
    inform_module(SPEC, gather)


if __name__ == "__main__":
    main()
