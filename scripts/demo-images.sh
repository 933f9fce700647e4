#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# scripts/demo-images.sh [DIR [REGISTRY]]: makes the demo images out of Debian's packages, as OCI layouts DIR/busybox and DIR/nginx
# (default DIR: build/demo-images), and pushes them to REGISTRY (host:port, plain http) as library/busybox:demo and
# library/nginx:demo. busybox has three layers, nginx five with the topmost in zstd. What is there already is not made again.
set -euo pipefail
umask 022
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
dir=${1:-$here/../build/demo-images} registry=${2:-}
exec 3>&1
say() { echo "==> $*" >&3; }
fail() { echo "demo-images: $*" >&2; exit 1; }
for tool in umoci skopeo zstd jq dpkg-deb apt-get; do
  command -v "$tool" >/dev/null || fail "$tool is missing; scripts/up and scripts/test install it"
done
[ "$(id -u)" = 0 ] || fail "needs root, so that the files in the images belong to root"
mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
exec 9>"$dir/.lock"; flock 9
work= architecture=$(dpkg --print-architecture)
trap '[ -z "$work" ] || rm -rf "$work"' EXIT

# --- packages
closure() { # PACKAGE…: with the libraries, and what belongs to nginx, that they depend on
  local queue=("$@") seen=" " package
  while [ ${#queue[@]} -gt 0 ]; do
    package=${queue[0]} queue=("${queue[@]:1}")
    case $seen in *" $package "*) continue ;; esac
    seen="$seen$package "
    mapfile -t -O ${#queue[@]} queue < <(apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks \
      --no-replaces --no-enhances "$package" | sed -nE 's/^ +(Pre)?Depends: ((lib|zlib|nginx)[^ <>:]*)$/\2/p')
  done
  echo "$seen"
}
download() { # PACKAGE…: into $work/packages
  mkdir -p "$work/packages"
  (cd "$work/packages" && apt-get -q -o APT::Sandbox::User=root download "$@") >"$work/download.log" 2>&1
}
fetch() {
  download "$@" && return
  say "apt does not find all of it, asking for newer lists"
  apt-get -q update >"$work/download.log" 2>&1 && download "$@" && return
  cat "$work/download.log" >&2; fail "cannot fetch $*"
}
unpack() { # TREE PACKAGE…: without what only people read
  local tree=$1 package; shift
  for package in "$@"; do
    dpkg-deb --fsys-tarfile "$work/packages/$package"_*.deb | tar -x -C "$tree" --keep-directory-symlink --exclude='./usr/share/doc*' \
      --exclude='./usr/share/man*' --exclude='./usr/share/lintian*' --exclude='./usr/share/locale*' --exclude='./usr/lib/*/gconv*'
  done
}
# Debian's root: /bin, /sbin and /lib lead into /usr. Layers above the first must not bring these names again.
merged_root() {
  mkdir -p "$1"/usr/{bin,sbin,lib,lib64}
  local name
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$1/$name"; done
}
without_links() {
  local name
  for name in bin sbin lib lib64; do rm "$1/$name"; done
  find "$1" -depth -type d -empty -path "$1/usr/*" -delete
}
basic_files() { # TREE IMAGE
  mkdir -p "$1"/{etc,root,run,proc,sys,dev,var/tmp} && install -d -m 1777 "$1/tmp" && chmod 700 "$1/root"
  printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin' \
    'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin' >"$1/etc/passwd"
  printf '%s\n' 'root:x:0:' 'www-data:x:33:' 'nogroup:x:65534:' >"$1/etc/group"
  echo 'hosts: files dns' >"$1/etc/nsswitch.conf"
  echo "Keelson demo image: $2" >"$1/etc/motd"
}

# --- images
begin() { umoci init --layout "$work/$1" && umoci new --image "$work/$1:demo"; }  # NAME
layer() { umoci insert --image "$work/$1:demo" --history.created_by "$3" "$2" /; }  # NAME TREE WHAT
add_blob() { # LAYOUT FILE: prints its digest
  local hex; hex=$(sha256sum "$2" | cut -d' ' -f1)
  cp "$2" "$1/blobs/sha256/$hex"; echo "sha256:$hex"
}
blob() { echo "$1/blobs/sha256/${2#sha256:}"; }
# umoci and skopeo write gzip only: the topmost layer is packed again with zstd, and the manifest written anew around it.
top_layer_to_zstd() { # NAME
  local layout=$work/$1 manifest old new
  manifest=$(blob "$layout" "$(jq -r '.manifests[0].digest' "$layout/index.json")")
  old=$(jq -r '.layers[-1].digest' "$manifest")
  gzip -dc "$(blob "$layout" "$old")" | zstd -q -19 -o "$work/layer.zst" -f
  new=$(add_blob "$layout" "$work/layer.zst")
  jq -c --arg digest "$new" --argjson size "$(stat -c %s "$work/layer.zst")" '.mediaType = "application/vnd.oci.image.manifest.v1+json"
    | .layers[-1] += {mediaType: "application/vnd.oci.image.layer.v1.tar+zstd", digest: $digest, size: $size}' "$manifest" >"$work/manifest"
  new=$(add_blob "$layout" "$work/manifest")
  jq -c --arg digest "$new" --argjson size "$(stat -c %s "$work/manifest")" '.manifests[0] += {digest: $digest, size: $size}' \
    "$layout/index.json" >"$work/index" && mv "$work/index" "$layout/index.json"
  rm "$(blob "$layout" "$old")" "$manifest"
}
configure() { # NAME OPTION…
  local name=$1; shift
  umoci config --image "$work/$name:demo" --os linux --architecture "$architecture" --no-history "$@"
  umoci gc --layout "$work/$name"
}
describe() { # LAYOUT
  local manifest; manifest=$(blob "$1" "$(jq -r '.manifests[0].digest' "$1/index.json")")
  jq -r '"    \(.layers | length) layers, \(([.layers[].size] | add) / 1000 | floor) kB: " + ([.layers[].mediaType | split("+")[1]] | join(" "))' "$manifest"
}

make_busybox() {
  say "making busybox:demo from Debian's busybox-static"
  fetch busybox-static
  mkdir -p "$work"/b1/bin "$work"/b2 "$work"/b3/usr/share/demo "$work"/bp
  unpack "$work/bp" busybox-static
  install -m 755 "$(find "$work/bp" -type f -path '*bin/busybox')" "$work/b1/bin/busybox"
  local command
  for command in $("$work/b1/bin/busybox" --list-full); do
    [ "$command" = bin/busybox ] && continue
    mkdir -p "$work/b1/$(dirname "$command")"; ln -s /bin/busybox "$work/b1/$command"
  done
  basic_files "$work/b2" busybox
  seq 1 20000 >"$work/b3/usr/share/demo/numbers"
  begin busybox
  layer busybox "$work/b1" "busybox-static"; layer busybox "$work/b2" "users and folders"; layer busybox "$work/b3" "something to read"
  configure busybox --config.cmd sh --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
}

make_nginx() {
  say "making nginx:demo from Debian's nginx-light and its libraries"
  local packages package base=(libc6 libgcc-s1) libraries=() servers=()
  read -r -a packages <<<"$(closure nginx-light)"
  for package in "${packages[@]}"; do
    case $package in libc6 | libgcc-s1) ;; nginx* | libnginx*) servers+=("$package") ;; *) libraries+=("$package") ;; esac
  done
  fetch "${packages[@]}"
  local tree
  for tree in n1 n2 n3; do mkdir -p "$work/$tree"; merged_root "$work/$tree"; done
  unpack "$work/n1" "${base[@]}"; unpack "$work/n2" "${libraries[@]}"; unpack "$work/n3" "${servers[@]}"
  without_links "$work/n2"; without_links "$work/n3"
  rm -rf "$work"/n3/etc/{init.d,logrotate.d,ufw,default} "$work"/n3/usr/lib/systemd
  basic_files "$work/n4" nginx
  mkdir -p "$work"/n5/etc/nginx "$work"/n5/usr/share/nginx/html "$work"/n5/var/{log,lib}/nginx
  ln -s /dev/stdout "$work/n5/var/log/nginx/access.log"; ln -s /dev/stderr "$work/n5/var/log/nginx/error.log"
  echo '<html><body><h1>nginx in a Keelson demo image</h1></body></html>' >"$work/n5/usr/share/nginx/html/index.html"
  cat >"$work/n5/etc/nginx/nginx.conf" <<'C'
user www-data;
worker_processes 1;
daemon off;
pid /run/nginx.pid;
error_log stderr notice;
include /etc/nginx/modules-enabled/*.conf;
events { worker_connections 256; }
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log /dev/stdout;
  sendfile on;
  server {
    listen 80 default_server;
    root /usr/share/nginx/html;
    index index.html;
  }
}
C
  begin nginx
  layer nginx "$work/n1" "Debian's C library"; layer nginx "$work/n2" "${libraries[*]}"; layer nginx "$work/n3" "${servers[*]}"
  layer nginx "$work/n4" "users and folders"; layer nginx "$work/n5" "configuration and a page"
  configure nginx --config.cmd nginx --config.exposedports 80/tcp --config.stopsignal SIGQUIT \
    --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  top_layer_to_zstd nginx
}

make() { # NAME: unless this very script has made it
  local name=$1 mark; mark=$(sha256sum "$here/demo-images.sh" | cut -d' ' -f1)
  if [ "$(cat "$dir/$name.made" 2>/dev/null)" = "$mark" ] && [ -e "$dir/$name/index.json" ]; then
    say "$name:demo is there"; describe "$dir/$name"; return
  fi
  work=$(mktemp -d "$dir/.new.XXXXXX")
  "make_$name" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "making $name:demo failed, see above"; }
  rm -rf "${dir:?}/$name"; mv "$work/$name" "$dir/$name"; echo "$mark" >"$dir/$name.made"
  rm -rf "$work"; work=
  describe "$dir/$name"
}
push() { # NAME
  local name=$1 digest; digest=$(jq -r '.manifests[0].digest' "$dir/$name/index.json")
  if [ "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$registry/library/$name:demo" 2>/dev/null)" = "$digest" ]; then
    say "$registry has library/$name:demo"; return
  fi
  say "pushing library/$name:demo to $registry"
  skopeo --insecure-policy copy -q --dest-tls-verify=false --preserve-digests "oci:$dir/$name:demo" "docker://$registry/library/$name:demo"
}
for name in busybox nginx; do make "$name"; done
if [ -n "$registry" ]; then
  for name in busybox nginx; do push "$name"; done
fi
