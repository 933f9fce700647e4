// SPDX-License-Identifier: Apache-2.0
#include "tests/cluster/kubectl_program.h"

#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/os/process.h"

namespace keelson::cluster_test {

base::Result<std::string> KubectlProgram(int minor) {
  ASSIGN_OR_RETURN(
      const os::CommandResult found,
      os::RunCommand({.argv = {"/usr/bin/python3", "-c",
                               "import sys; sys.path.insert(0, sys.argv[1]); import builds; "
                               "print(builds.kubectl(int(sys.argv[2])) or '')",
                               base::SourceDir() + "/tests/master/clients", std::to_string(minor)},
                      .env = {"HOME=/root",
                              "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
                     "", std::chrono::minutes(20)));
  if (found.status.code() != 0)
    return base::FailedPrecondition("kubectl 1.{}: {}", minor, found.out + found.err);
  for (const std::string_view line : base::Split(std::string_view(found.out), '\n'))
    if (line.starts_with("/")) return std::string(line);
  return std::string();
}

}  // namespace keelson::cluster_test
