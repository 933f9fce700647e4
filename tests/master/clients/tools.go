// SPDX-License-Identifier: Apache-2.0

//go:build tools

// What is built from this module: helm itself.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
