// SPDX-License-Identifier: Apache-2.0
// create, run, start, delete.
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "oci/command/command.h"
#include "oci/container/console.h"
#include "oci/container/notify.h"

namespace keelson::oci {

using base::Result;
using os::UniqueFd;

namespace {

// What a service manager has handed to this process.
uint32_t ListeningSockets() {
  const char* count = std::getenv("LISTEN_FDS");
  const char* whose = std::getenv("LISTEN_PID");
  if (count == nullptr || whose == nullptr) return 0;
  if (base::ParseUint64(whose) != static_cast<uint64_t>(getpid())) return 0;
  return static_cast<uint32_t>(std::min<uint64_t>(base::ParseUint64(count).value_or(0), 256));
}

Result<MakeOptions> OptionsOf(const Global& global, const Arguments& arguments) {
  MakeOptions options;
  options.id = arguments.rest()[0];
  options.bundle = arguments.Get("bundle", ".");
  options.config = arguments.Get("config", options.config);
  options.pid_file = arguments.Get("pid-file");
  options.console_socket = arguments.Get("console-socket");
  options.no_new_keyring = arguments.Is("no-new-keyring");
  options.systemd = global.systemd;
  options.no_cgroup = global.no_cgroup;
  options.forgiving = global.rootless;
  options.pidfd_socket = arguments.Get("pidfd-socket");
  options.listening = ListeningSockets();
  ASSIGN_OR_RETURN(int64_t kept, arguments.Number("preserve-fds", 0));
  if (kept < 0 || kept > 512) return base::InvalidArgument("--preserve-fds: from 0 to 512");
  kept += options.listening;
  const auto is_open = [](int64_t number) {
    return fcntl(static_cast<int>(3 + number), F_GETFD) >= 0;
  };
  // Callers count generously; what this program opens must not come to stand in a gap.
  while (kept > options.listening && !is_open(kept - 1)) --kept;
  for (int64_t i = 0; i < kept; ++i) {
    if (!is_open(i))
      return base::InvalidArgument("--preserve-fds: descriptor {} is not open", 3 + i);
  }
  options.kept_descriptors = static_cast<uint32_t>(kept);
  return options;
}

base::Status StartById(const Store& store, const std::string& id) {
  ASSIGN_OR_RETURN(const Record known, store.Read(id));
  ASSIGN_OR_RETURN(const UniqueFd lock, store.Lock(id));
  ASSIGN_OR_RETURN(const Record record, store.Read(id));
  return Start(store, record);
}

base::Status DestroyById(const Store& store, const std::string& id) {
  ASSIGN_OR_RETURN(const UniqueFd lock, store.Lock(id));
  ASSIGN_OR_RETURN(const Record record, store.Read(id));
  std::string warnings;
  RETURN_IF_ERROR(Destroy(store, record, warnings));
  if (!warnings.empty()) Warn(warnings);
  return base::Ok();
}

}  // namespace

Outcome RunCreate(const Global& global, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const MakeOptions options, OptionsOf(global, arguments));
  ASSIGN_OR_RETURN(const Made made, Create(Store(global.root), options));
  for (const std::string& warning : made.warnings) Warn(warning);
  return 0;
}

Outcome RunRun(const Global& global, const Arguments& arguments) {
  const bool detach = arguments.Is("detach");
  ASSIGN_OR_RETURN(MakeOptions options, OptionsOf(global, arguments));
  options.takes_terminal = !detach;
  const Store store(global.root);
  ASSIGN_OR_RETURN(Made made, Create(store, options));
  for (const std::string& warning : made.warnings) Warn(warning);
  if (made.terminal) KeepLineEnds(made.terminal.get());
  UniqueFd signals;
  if (!detach) {
    ASSIGN_OR_RETURN(signals, HoldSignals());
  }
  Result<Notifier> notifier = Notifier::Listen(store.FolderOf(options.id));
  const base::Status started =
      notifier.ok() ? StartById(store, options.id) : base::Status(notifier.error());
  if (!started.ok()) {
    (void)DestroyById(store, options.id);
    return started.error();
  }
  if (detach) {
    notifier->WaitAndHandOver(made.record.pid, made.pidfd.get());
    return 0;
  }
  ASSIGN_OR_RETURN(const os::ExitStatus status,
                   Attend(made.record.pid, made.pidfd.get(), signals, std::move(made.terminal),
                          std::move(notifier).value()));
  if (!arguments.Is("keep")) RETURN_IF_ERROR(DestroyById(store, options.id));
  return status.code();
}

Outcome RunStart(const Global& global, const Arguments& arguments) {
  const Store store(global.root);
  const std::string& id = arguments.rest()[0];
  ASSIGN_OR_RETURN(const Record record, store.Read(id));
  ASSIGN_OR_RETURN(Notifier notifier, Notifier::Listen(store.FolderOf(id)));
  UniqueFd pidfd;
  if (notifier.fd() >= 0) {
    ASSIGN_OR_RETURN(pidfd, os::OpenPidfd(record.pid));
  }
  RETURN_IF_ERROR(StartById(store, id));
  notifier.WaitAndHandOver(record.pid, pidfd.get());
  return 0;
}

namespace {

base::Status DeleteById(const Store& store, const std::string& id, bool force) {
  const auto gone = [&](const base::Error& error) -> base::Status {
    if (force && error.code() == base::Code::kNotFound) return base::Ok();
    return error;
  };
  const Result<Record> known = store.Read(id);
  if (!known.ok()) return gone(known.error());
  Result<UniqueFd> lock = store.Lock(id);
  if (!lock.ok()) return gone(lock.error());
  ASSIGN_OR_RETURN(const Record record, store.Read(id));
  const Status status = store.StatusOf(record);
  // One that was never started is nobody's loss: callers throw it away like that.
  if (!force && status != Status::kStopped && status != Status::kCreated &&
      status != Status::kCreating) {
    return base::FailedPrecondition("cannot delete container {} that is not stopped: {}", id,
                                    NameOf(status));
  }
  std::string warnings;
  RETURN_IF_ERROR(Destroy(store, record, warnings));
  if (!warnings.empty()) Warn(warnings);
  return base::Ok();
}

// The ids that an extended regular expression is found in, as crun takes it.
Result<std::vector<std::string>> Matching(const Store& store, const std::string& expression) {
  regex_t compiled;
  const int refused = regcomp(&compiled, expression.c_str(), REG_EXTENDED | REG_NOSUB);
  if (refused != 0) {
    char words[200] = "";
    regerror(refused, &compiled, words, sizeof words);
    return base::InvalidArgument("--regex: {}: {}", base::QuoteIfNeeded(expression), words);
  }
  Result<std::vector<std::string>> ids = store.List();
  if (ids.ok())
    std::erase_if(*ids, [&](const std::string& id) {
      return regexec(&compiled, id.c_str(), 0, nullptr, 0) != 0;
    });
  regfree(&compiled);
  return ids;
}

}  // namespace

Outcome RunDelete(const Global& global, const Arguments& arguments) {
  const Store store(global.root);
  const std::string& id = arguments.rest()[0];
  const bool force = arguments.Is("force");
  if (!arguments.Is("regex")) {
    RETURN_IF_ERROR(DeleteById(store, id, force));
    return 0;
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, Matching(store, id));
  base::Status first = base::Ok();
  for (const std::string& match : ids) {
    base::Status status = DeleteById(store, match, force);
    if (!status.ok() && first.ok()) first = std::move(status);
  }
  RETURN_IF_ERROR(first);
  return 0;
}

}  // namespace keelson::oci
