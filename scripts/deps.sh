# SPDX-License-Identifier: Apache-2.0
# Sourced by the other scripts: `need run` (what building and running takes), `need run test`, `need run fuzz` or `need run lint`
# installs what is missing from Debian's packages, without starting any service that a package brings.
packages_run="build-essential cmake ninja-build ccache mold pkg-config git ca-certificates python3
  libgrpc++-dev libgrpc-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libspdlog-dev libfmt-dev libgtest-dev
  libgmock-dev libseccomp-dev libcap-dev libnl-3-dev libnl-route-3-dev libboost1.81-dev libboost-json1.81-dev
  libcurl4-openssl-dev libssl-dev libyaml-cpp-dev libtomlplusplus-dev libisal-dev libzstd-dev libarchive-dev libcli11-dev
  zlib1g-dev libnghttp2-dev libsystemd-dev prometheus-cpp-dev libsqlite3-dev iptables nftables iproute2 umoci skopeo docker-registry busybox-static zstd curl jq procps xz-utils"
packages_test="qemu-system-x86 cpio kmod e2fsprogs xfsprogs util-linux containerd runc crun podman conmon docker.io containernetworking-plugins clang-format-19
  psmisc strace apparmor systemd dbus etcd-server chromium bats gawk uidmap slirp4netns"
packages_fuzz="clang-19 libclang-rt-19-dev"
packages_lint="clang-19 clang-tidy-19"

say() { echo "==> $*"; }

need() {
  local group missing=() package policy=
  for group in "$@"; do
    local list=packages_$group
    for package in ${!list}; do
      [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  [ "$(id -u)" = 0 ] || { echo "these packages are missing and installing them needs root: ${missing[*]}" >&2; return 1; }
  say "installing ${#missing[@]} packages: ${missing[*]}"
  # Debian starts the services of a package that it installs (docker-registry, containerd): not on this machine, not by us.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy
  fi
  local result=0
  { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}"; } \
    >/tmp/keelson-install.$$.log 2>&1 || result=$?
  [ -z "$policy" ] || rm -f "$policy"
  if [ $result != 0 ]; then tail -n 20 /tmp/keelson-install.$$.log >&2; echo "installing failed, see above" >&2; fi
  rm -f /tmp/keelson-install.$$.log
  return $result
}

# build PRESET [TARGET…]: configures once, builds, shows progress on a terminal and one line a minute elsewhere.
build() {
  local preset=$1; shift
  [ -e "build/$preset/build.ninja" ] || cmake --preset "$preset" >"/tmp/keelson-cmake.$$.log" 2>&1 \
    || { cat "/tmp/keelson-cmake.$$.log" >&2; rm -f "/tmp/keelson-cmake.$$.log"; return 1; }
  rm -f "/tmp/keelson-cmake.$$.log"
  if [ -t 1 ]; then
    ninja -C "build/$preset" "$@"
  else
    NINJA_STATUS='[%f/%t %es] ' ninja -C "build/$preset" "$@" | awk '
      /^FAILED|error:|ninja: (build|error)/ { show = 1 }
      show { print; fflush(); next }
      /^\[/ { if (++n % 50 == 0) { print "    " $1 " " $2; fflush() } }'
    return "${PIPESTATUS[0]}"
  fi
}
