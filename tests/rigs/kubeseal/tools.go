// SPDX-FileCopyrightText: the trustmesh.security contributors
// SPDX-License-Identifier: GPL-3.0-or-later

//go:build tools

// Package kubeseal names the command so that `go mod tidy` keeps what it needs.
package kubeseal

import _ "github.com/bitnami-labs/sealed-secrets/cmd/kubeseal"
