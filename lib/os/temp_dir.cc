// SPDX-License-Identifier: Apache-2.0
#include "lib/os/temp_dir.h"

#include <cerrno>
#include <cstdlib>

#include "lib/base/log.h"
#include "lib/os/files.h"

namespace keelson::os {

base::Result<TempDir> TempDir::Create(const std::string& prefix) {
  const char* parent = getenv("TMPDIR");
  std::string path = std::string(parent != nullptr && *parent != '\0' ? parent : "/tmp") + "/" +
                     prefix + ".XXXXXX";
  if (mkdtemp(path.data()) == nullptr) return base::Error::FromErrno(errno, "mkdtemp '{}'", path);
  return TempDir(std::move(path));
}

TempDir::~TempDir() {
  if (path_.empty()) return;
  if (const base::Status status = RemoveTree(path_); !status.ok()) {
    base::LogDebug("temporary directory stays", {{"path", path_}, {"error", status.error()}});
  }
}

}  // namespace keelson::os
