// SPDX-License-Identifier: Apache-2.0
// Which defence is undone, for weakened programs alone. Asked of the kernel before main(): most of
// them have no file system, no environment and no arguments of ours, but all of them have a name of
// the machine.
#include "lib/base/weakness.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <string>

namespace keelson::base {
namespace {

// How scripts/check_weakness.py knows such a program.
constexpr char kMark[] = "keelson-weakened-program: runs in the lab machine only\n";

// A weakened runtime could really reach out of a container: it works nowhere but in the lab.
bool IsLab() {
  char text[4096];
  const int file = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
  const ssize_t size = file < 0 ? -1 : read(file, text, sizeof text);
  if (file >= 0) close(file);
  return size > 0 && std::string_view(text, static_cast<size_t>(size)).find(" keelson.lab=1") !=
                         std::string_view::npos;
}

std::string Choose() {
  if (!IsLab()) {
    (void)!write(2, kMark, sizeof kMark - 1);
    _exit(70);
  }
  utsname name{};
  if (uname(&name) != 0) _exit(70);
  const std::string_view node = name.nodename;
  return node.starts_with("weak.") ? std::string(node.substr(4)) + "." : "";
}

const std::string chosen = Choose();

}  // namespace

bool IsWeakened(std::string_view defence) {
  return chosen.find("." + std::string(defence) + ".") != std::string::npos;
}

}  // namespace keelson::base
