// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package upstreammaster names the programs that Keelson's master is measured beside, so that `go mod tidy` keeps what they need.
package upstreammaster

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver/app"
)
