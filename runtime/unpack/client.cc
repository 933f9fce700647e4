// SPDX-License-Identifier: Apache-2.0
#include "runtime/unpack/client.h"

#include <csignal>

#include "lib/os/files.h"
#include "lib/os/pipe.h"

namespace keelson::unpack {
namespace {

constexpr size_t kMaxReportBytes = 256u << 20;

}  // namespace

base::Result<UnpackProcess> UnpackProcess::Start(const std::string& program,
                                                 os::UniqueFd compressed, int directory,
                                                 const Budget& budget) {
  ASSIGN_OR_RETURN(os::Pipe report, os::CreatePipe());
  os::SpawnOptions options;
  options.argv = {program, std::to_string(budget.max_bytes), std::to_string(budget.max_inodes),
                  std::to_string(budget.max_depth)};
  options.fds = {{compressed.get(), 0}, {report.write_end.get(), 3}, {directory, 4}};
  base::Result<os::ChildProcess> child = os::ChildProcess::Spawn(options);
  if (!child.ok()) return child.error().WithContext("start keelson-unpack");
  return UnpackProcess(std::move(child).value(), std::move(report.read_end));
}

base::Result<Report> UnpackProcess::Wait() {
  base::Result<std::string> bytes = os::ReadAll(report_.get(), kMaxReportBytes);
  if (!bytes.ok()) Kill();
  ASSIGN_OR_RETURN(const os::ExitStatus status, child_.Wait());
  if (!bytes.ok()) return bytes.error().WithContext("read the answer of keelson-unpack");
  if (status.signal() == SIGXCPU || (status.signal() == SIGKILL && bytes->empty())) {
    return base::ResourceExhausted(
        "the unpack process was ended by signal {} (its time or memory is limited)",
        status.signal());
  }
  if (bytes->empty())
    return base::Internal("the unpack process ended with code {} and gave no answer",
                          status.code());
  return DecodeReport(*bytes);
}

void UnpackProcess::Kill() { (void)os::SignalPidfd(child_.pidfd(), SIGKILL); }

}  // namespace keelson::unpack
