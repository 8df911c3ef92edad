#!/usr/bin/python

# Copyright (c) 2026, the trustmesh.security contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: repo_secret_scan
short_description: Search git repositories and their history for secrets
version_added: 0.1.0
author:
  - The trustmesh.security contributors (!UNKNOWN)
description:
  - Searches the files of the working tree, every version of every file that any branch, tag or stash reaches, and the
    messages of commits and tags with the names and addresses above them. What was removed from the tree is still in
    every clone.
  - Two means work together. The detectors of the library C(detect-secrets) find keywords, noise and the tokens of many
    services; a table of this collection adds private keys as a whole, tokens of Vault and OpenBao, further services,
    passwords in URLs, fields that are named as a secret in any spelling, values of Kubernetes Secrets, and files that
    are secret by their name.
  - Ciphertexts of SOPS, Sealed Secrets and transit engines, references to secrets, certificates and public keys are not
    findings.
  - What cannot be searched is counted in RV(results[].unread) and a problem, such as a packed file, a submodule, or a
    file that takes longer than a minute.
  - No secret is returned. A finding has a fingerprint, by which it can be allowed, with an owner, a reason and an end.
    Marks in the code, such as C(pragma allowlist secret), allow nothing, because they have none of these.
  - A finding is a result and not a failure; RV(results[].ok) and RV(summary) tell. What cannot be read fails
    the task after everything was looked at, with the other results in place.
  - Nothing of a repository is run, written, locked or fetched, whatever its configuration names. Replaced objects,
    grafts and caches of commits are looked through. A repository that belongs to another user is refused, as git does;
    run the task as its owner.
extends_documentation_fragment:
  - trustmesh.security._attributes.info
options:
  repositories:
    description:
      - The repositories to search.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description:
          - Directory of the repository, with a working tree or bare; or any directory when O(repositories[].history) is
            false.
        type: path
        required: true
      history:
        description:
          - Value of O(history) for this repository.
        type: bool
      exclude:
        description:
          - Value of O(exclude) for this repository.
        type: list
        elements: str
      must_ignore:
        description:
          - Value of O(must_ignore) for this repository.
        type: list
        elements: str
      largest_file:
        description:
          - Value of O(largest_file) for this repository.
        type: int
  history:
    description:
      - Whether to search the history too. A shallow clone is a problem and a partial one an error, because they do not
        have it.
    type: bool
    default: true
  exclude:
    description:
      - Files to leave out, as patterns of whole paths in the repository, or of names when they hold no slash.
    type: list
    elements: str
    default: []
  must_ignore:
    description:
      - Files that C(.gitignore) has to cover, whether they exist or not.
    type: list
    elements: str
    default: [.env, .env.local]
  largest_file:
    description:
      - Size in bytes beyond which a file is not looked into. Such files are counted.
    type: int
    default: 1048576
  skip_rules:
    description:
      - Rules to leave out, such as V(hex-high-entropy-string) in a repository full of digests.
    type: list
    elements: str
    default: []
  max_findings:
    description:
      - How many findings of a repository to tell, those that are not allowed before the others.
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
          - Fingerprint of the findings, as they tell it; it stands for the secret, in whatever line and version it is.
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
requirements:
  - Python library C(detect-secrets) 1.5.0 or newer on the host that runs the module
  - git on the host that runs the module, for git repositories
seealso:
  - module: trustmesh.security.log_scan
  - module: trustmesh.security.file_secret_audit
"""

EXAMPLES = r"""
- name: Search a repository with its history
  trustmesh.security.repo_secret_scan:
    repositories:
      - path: /srv/git/hub.git
  register: scan

- name: Search two working trees, with a known exception
  trustmesh.security.repo_secret_scan:
    repositories:
      - path: /home/dev/hub
        exclude: [package-lock.json, "vendor/*"]
      - path: /home/dev/adapter
        must_ignore: [.env, .env.local, "secrets/key.pem"]
    allow:
      - path: "test/fixtures/*.pem"
        rule: private-key
        owner: adapter team
        reason: keys of the test bench, which nothing trusts
        expires: "2026-12-31"
      - fingerprint: 7f83b1657ff1fc53
        owner: hub team
        reason: password of a database that was destroyed
        expires: "2027-06-30"
  register: scan

- name: Stop when there is something, or when an allowance has outlived its reason
  ansible.builtin.assert:
    that:
      - scan.summary.problems == 0
      - scan.summary.stale_allowances == 0
    fail_msg: "{{ scan.results | map(attribute='problems', default=[]) | flatten }}"
"""

RETURN = r"""
results:
  description: One entry per repository, in the order of O(repositories).
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: The directory.
      returned: always
      type: str
      sample: /home/dev/hub
    ok:
      description: Whether there is no problem.
      returned: when it could be read
      type: bool
    problems:
      description: Everything that is wrong and not allowed, one sentence each.
      returned: when it could be read
      type: list
      elements: str
      sample: ["deploy/values.yml, line 12: a token of GitHub, in commit 6005a9c64fbc"]
    findings:
      description: What was found, what is not allowed first, then the worst first.
      returned: when it could be read
      type: list
      elements: dict
      contains:
        rule:
          description: The rule that found it.
          returned: always
          type: str
          sample: github-token
        severity:
          description: How bad it is.
          returned: always
          type: str
          choices: [critical, high, medium]
        path:
          description: The file, from the top of the repository; C((message)) for the message of a commit.
          returned: always
          type: str
          sample: deploy/values.yml
        line:
          description: Number of the line, in the version that is reported.
          returned: always
          type: int
          sample: 12
        where:
          description: Whether it is in the working tree, only in the history, or in the message of a commit.
          returned: always
          type: str
          choices: [tree, history, message]
        commit:
          description: The commit that brought it; the name of a reference for what no commit holds.
          returned: when it is committed and the history was searched
          type: str
        problem:
          description: What is wrong.
          returned: always
          type: str
        remedy:
          description: What to do.
          returned: always
          type: str
        fingerprint:
          description: Stands for the secret in O(allow[].fingerprint).
          returned: always
          type: str
          sample: 7f83b1657ff1fc53
        allowed_by:
          description: Owner of the allowance that covers it; null when there is none.
          returned: always
          type: str
    files:
      description: Number of files of the working tree.
      returned: when it could be read
      type: int
    versions:
      description: Number of versions of files in the history.
      returned: when it could be read
      type: int
    commits:
      description: Number of commits whose messages were read.
      returned: when it could be read
      type: int
    unread:
      description: Number of files and versions that were not looked into, by reason.
      returned: when it could be read
      type: dict
      sample: {larger than largest_file: 1}
    complete:
      description: Whether everything was looked into, and everything that was found is reported.
      returned: when it could be read
      type: bool
    failed:
      description: Whether the repository could not be read.
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
  description: Number of repositories by verdict, of findings, and of entries of O(allow) that allow nothing.
  returned: always
  type: dict
  sample: {ok: 3, problems: 1, failed: 0, findings: 2, allowed: 1, stale_allowances: 0}
"""

import contextlib
import typing as t

from ..module_utils._core.clock import system_clock
from ..module_utils._core.deps import DETECT_SECRETS
from ..module_utils._core.module import inform_module
from ..module_utils._core.spec import Params, Spec, batch, items
from ..module_utils._hygiene.finding import ALLOW, Allowances
from ..module_utils._hygiene.repository_scan import ITEM_OPTIONS, SHARED, RepositoryScan
from ..module_utils._hygiene.scanner import Scanner

SPEC = (
    Spec(requires=(DETECT_SECRETS,))
    + batch("repositories", ITEM_OPTIONS, shared=SHARED)
    + Spec(
        {
            "skip_rules": {"type": "list", "elements": "str", "default": []},
            "max_findings": {"type": "int", "default": 200},
            **ALLOW,
        }
    )
)


def gather(params: Params, stack: contextlib.ExitStack) -> t.Mapping[str, t.Any]:
    """Return what was found in every repository."""
    allowances = Allowances(params["allow"], system_clock())
    scanner = stack.enter_context(Scanner(params["skip_rules"]))
    return RepositoryScan(scanner, allowances, params["max_findings"]).run(items(SPEC, params))


def main() -> None:
    """Run the module."""
    inform_module(SPEC, gather)


if __name__ == "__main__":
    main()
