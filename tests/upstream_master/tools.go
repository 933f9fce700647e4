// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package upstreammaster names the programs of a control plane and kube-proxy that Keelson is tested with and measured beside, so that
// `go mod tidy` keeps what they need.
package upstreammaster

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver/app"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	_ "k8s.io/kubernetes/cmd/kube-proxy/app"
	_ "k8s.io/kubernetes/cmd/kube-scheduler/app"
)
