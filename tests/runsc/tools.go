// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package runsc names the program that the test runs, so that `go mod tidy` keeps what it needs.
package runsc

import _ "gvisor.dev/gvisor/runsc/cli/maincli"
