// SPDX-FileCopyrightText: the trustmesh.security contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Command canonicalize answers each line of JSON with the same in canonical form, or with ! and what is wrong.
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 0, 1<<16), 1<<24)
	out := bufio.NewWriter(os.Stdout)
	for lines.Scan() {
		text, err := jsoncanonicalizer.Transform(lines.Bytes())
		if err != nil {
			fmt.Fprintf(out, "!%v\n", err)
		} else {
			fmt.Fprintf(out, "%s\n", text)
		}
		if err := out.Flush(); err != nil {
			os.Exit(1)
		}
	}
}
