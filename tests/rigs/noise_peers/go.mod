// SPDX-FileCopyrightText: the trustmesh.security contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// The recipe of two peers that speak Noise; tests/rigs/noise_peers.py builds it.
module trustmesh.example/rigs/noise_peers

go 1.21

require (
	github.com/flynn/noise v1.1.0
	golang.org/x/crypto v0.0.0-20210322153248-0c34fe9e7dc2
)

require golang.org/x/sys v0.0.0-20201119102817-f84b799fce68 // indirect
