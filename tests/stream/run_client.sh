#!/usr/bin/env bash
# run_client.sh BIN_DIR [go test flags]: the tests of client/ against the keelson-stream in BIN_DIR. Skipped (77) where Go or its
# modules are not to be had.
set -eu
bin=$1; shift
cd "$(dirname "$0")/client"
command -v go >/dev/null || { echo "SKIPPED: no Go here, so no upstream client to test with"; exit 77; }
export GOFLAGS=-mod=mod
go mod download all >/dev/null 2>&1 || go build ./... >/dev/null 2>&1 || { echo "SKIPPED: the client's Go modules are not to be had"; exit 77; }
KEELSON_BIN_DIR=$bin exec go test -count=1 -timeout 9m "$@" ./...
