// SPDX-FileCopyrightText: the trustmesh.security contributors
// SPDX-License-Identifier: GPL-3.0-or-later

//go:build tools

// Package gitleaks names the program to build, so that go mod tidy keeps what it needs.
package gitleaks

import _ "github.com/zricethezav/gitleaks/v8"
