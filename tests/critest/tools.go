// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package critest names the programs that the suite is made of, so that `go mod tidy` keeps what they need.
package critest

import (
	_ "github.com/onsi/ginkgo/v2/ginkgo"
	_ "sigs.k8s.io/cri-tools/cmd/crictl"
	_ "sigs.k8s.io/cri-tools/pkg/benchmark"
	_ "sigs.k8s.io/cri-tools/pkg/validate"
)
