// Where the suites come from; each is built with the go.mod that it brings.
module keelson.invalid/oci-suites

go 1.26.2

require (
	github.com/opencontainers/runc v1.5.2
	github.com/opencontainers/runtime-tools v0.9.1-0.20251114084447-edf4cb3d2116
)
