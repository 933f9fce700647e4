// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package upstreamkubelet names the program that the test runs, so that `go mod tidy` keeps what it needs.
package upstreamkubelet

import (
	_ "k8s.io/client-go/tools/portforward"
	_ "k8s.io/client-go/tools/remotecommand"
	_ "k8s.io/kubernetes/cmd/kubelet/app"
)
