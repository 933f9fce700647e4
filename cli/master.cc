// SPDX-License-Identifier: Apache-2.0
#include "cli/master.h"

#include <climits>
#include <filesystem>

#include "lib/os/files.h"
#include "lib/os/process.h"

namespace keelson::cli {
namespace {

// Beside this program, else in PATH.
std::string MasterProgram() {
  std::error_code ignored;
  const std::string beside =
      std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "keelson-master";
  return !ignored && os::Exists(beside) ? beside : "keelson-master";
}

}  // namespace

std::vector<std::string> MasterArguments(const std::string& command, const MasterOptions& options) {
  std::vector<std::string> out = {"--state-dir", options.state_dir, "--store", options.store};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) out.insert(out.end(), {name, value});
  };
  add("--store-ca", options.ca);
  add("--store-cert", options.certificate);
  add("--store-key", options.key);
  // Whatever it looks like, it is a file's name.
  out.insert(out.end(), {command, "--", options.file});
  return out;
}

int RunMaster(const std::string& command, const MasterOptions& options, const Console& console) {
  os::SpawnOptions spawn;
  spawn.argv = MasterArguments(command, options);
  spawn.argv.insert(spawn.argv.begin(), MasterProgram());
  if (const char* path = std::getenv("PATH")) spawn.env.push_back(std::string("PATH=") + path);
  spawn.fds = {{1, 1}, {2, 2}};
  base::Result<os::ChildProcess> child = os::ChildProcess::Spawn(spawn);
  const auto fail = [&](const base::Error& error) {
    console.err << "keelson: " << error.message() << "\n";
    return 1;
  };
  if (!child.ok()) return fail(child.error());
  const base::Result<os::ExitStatus> end = child->Wait();
  return end.ok() ? end->code() : fail(end.error());
}

}  // namespace keelson::cli
