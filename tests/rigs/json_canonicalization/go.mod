// SPDX-FileCopyrightText: the trustmesh.security contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// The recipe of a second implementation of canonical JSON, by an author of RFC 8785; tests/rigs/json_canonicalization.py.
module trustmesh.example/rigs/json_canonicalization

go 1.19

require github.com/cyberphone/json-canonicalization v0.0.0-20241213102144-19d51d7fe467
