// SPDX-License-Identifier: Apache-2.0
#include "tests/load/master_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/os/files.h"

namespace keelson::load {
namespace {

constexpr auto kPatience = std::chrono::minutes(4);

}  // namespace

base::Result<MasterProcess> MasterProcess::Start(Options options) {
  if (options.program.empty()) options.program = base::BinDir() + "/keelson-master";
  RETURN_IF_ERROR(os::MakeDirs(options.dir, 0700));
  MasterProcess out(std::move(options));
  RETURN_IF_ERROR(out.Run());
  return out;
}

std::string MasterProcess::Log() const { return os::ReadFile(options_.dir + "/log").ValueOr(""); }

base::Status MasterProcess::Run() {
  const std::string log = options_.dir + "/log";
  RETURN_IF_ERROR(os::RemoveFile(log));
  ASSIGN_OR_RETURN(const os::UniqueFd out, os::Open(log, O_WRONLY | O_CREAT | O_APPEND, 0600));
  os::SpawnOptions spawn;
  spawn.argv = options_.before;
  spawn.argv.insert(spawn.argv.end(),
                    {options_.program, "--state-dir", state_dir(), "--kubeconfig", kubeconfig(),
                     "--address", "127.0.0.1", "--port", std::to_string(options_.port)});
  // Many run at once on a machine: whoever wants the page's own port names it.
  if (std::find(options_.extra.begin(), options_.extra.end(), "--page-address") ==
          options_.extra.end() &&
      options_.program == base::BinDir() + "/keelson-master")
    spawn.argv.insert(spawn.argv.end(), {"--page-address", "off"});
  spawn.argv.insert(spawn.argv.end(), options_.extra.begin(), options_.extra.end());
  if (const char* path = std::getenv("PATH")) spawn.env.push_back(std::string("PATH=") + path);
  spawn.fds = {{out.get(), 1}, {out.get(), 2}};
  child_.reset();
  ASSIGN_OR_RETURN(os::ChildProcess child, os::ChildProcess::Spawn(spawn));
  child_.emplace(std::move(child));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    const std::string said = Log();
    const size_t served = said.find("the API is served");
    const size_t port = served == std::string::npos ? served : said.find(" port=", served);
    if (port != std::string::npos && said.find('\n', port) != std::string::npos) {
      const size_t from = port + 6;
      const auto number =
          base::ParseUint64(said.substr(from, said.find_first_of(" \n", from) - from));
      ASSIGN_OR_RETURN(const Identity identity, ReadKubeconfig(kubeconfig()));
      ASSIGN_OR_RETURN(Client client, Client::Make(identity, static_cast<int>(number.value_or(0))));
      client_ = std::make_shared<Client>(std::move(client));
      return base::Ok();
    }
    ASSIGN_OR_RETURN(const auto ended, child_->WaitFor(std::chrono::milliseconds(2)));
    if (ended) return base::Unavailable("keelson-master ended with {}: {}", ended->code(), Log());
  }
  return base::DeadlineExceeded("keelson-master does not serve: {}", Log());
}

void MasterProcess::Kill() {
  if (!child_) return;
  (void)child_->Signal(SIGKILL);
  (void)child_->Wait();
  child_.reset();
}

base::Result<int> MasterProcess::Stop() {
  if (!child_) return base::FailedPrecondition("keelson-master does not run");
  RETURN_IF_ERROR(child_->Signal(SIGTERM));
  ASSIGN_OR_RETURN(const auto end, child_->WaitFor(kPatience));
  if (!end) return base::DeadlineExceeded("keelson-master does not end");
  const int code = end->code();
  child_.reset();
  return code;
}

}  // namespace keelson::load
