#!/bin/sh
# Fails when a C++ file of the tree is not as .clang-format says; names the files.
# To repair: git ls-files '*.cc' '*.h' | xargs clang-format-19 -i
set -eu
cd "$1"
find cli cri-api kubelet lib minimal-master oci proxy runtime supervise tests -name '*.cc' -o -name '*.h' |
    xargs -P"$(nproc)" -n40 clang-format-19 --dry-run -Werror
