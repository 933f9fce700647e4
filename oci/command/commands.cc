// SPDX-License-Identifier: Apache-2.0
#include "oci/command/command.h"

namespace keelson::oci {

namespace {

constexpr size_t kAny = SIZE_MAX;

Outcome Refuse(const Global&, const Arguments&) {
  return base::Unimplemented("checkpoint and restore are not supported by this runtime");
}

std::vector<Flag> Making() {
  return {{"bundle", "b"},
          {"pid-file"},
          {"console-socket"},
          {"preserve-fds"},
          {"no-pivot", "", false},
          {"no-new-keyring", "", false},
          {"no-subreaper", "", false},
          {"config", "f"}};
}

std::vector<Flag> With(std::vector<Flag> flags, std::initializer_list<Flag> more) {
  flags.insert(flags.end(), more);
  return flags;
}

std::vector<Command> Table() {
  return {
      {"create", "create [--bundle DIR] ID", Making(), true, true, 1, 1, RunCreate},
      {"run", "run [--detach] [--bundle DIR] ID",
       With(Making(), {{"detach", "d", false}, {"keep", "", false}}), true, true, 1, 1, RunRun},
      {"start", "start ID", {}, true, false, 1, 1, RunStart},
      {"state", "state ID", {{"all", "a", false}}, true, false, 1, 1, RunState},
      {"kill", "kill [--all] ID [SIGNAL]", {{"all", "a", false}}, true, false, 1, 2, RunKill},
      {"delete", "delete [--force] ID", {{"force", "f", false}}, true, false, 1, 1, RunDelete},
      {"exec",
       "exec [--detach] [--tty] [--user UID[:GID]] [--process FILE] ID COMMAND [ARGUMENT]…",
       {{"console-socket"},
        {"cwd"},
        {"env", "e"},
        {"tty", "t", false},
        {"user", "u"},
        {"additional-gids", "g"},
        {"process", "p"},
        {"detach", "d", false},
        {"pid-file"},
        {"process-label"},
        {"apparmor"},
        {"no-new-privs", "", false},
        {"cap", "c"},
        {"preserve-fds"},
        {"cgroup"},
        {"ignore-paused", "", false}},
       false,
       true,
       1,
       kAny,
       RunExec},
      {"ps",
       "ps [--format json|table] ID [PS-OPTION]…",
       {{"format", "f"}},
       false,
       false,
       1,
       kAny,
       RunPs},
      {"list",
       "list [--format json|table] [-q]",
       {{"format", "f"}, {"quiet", "q", false}},
       true,
       false,
       0,
       0,
       RunList},
      {"events",
       "events [--stats] [--interval 5s] ID",
       {{"stats", "", false}, {"interval"}},
       true,
       false,
       1,
       1,
       RunEvents},
      {"update",
       "update [--resources FILE] [--memory BYTES] … ID",
       {{"resources", "r"},
        {"memory"},
        {"memory-reservation"},
        {"memory-swap"},
        {"kernel-memory"},
        {"kernel-memory-tcp"},
        {"cpu-shares"},
        {"cpu-share"},
        {"cpu-quota"},
        {"cpu-period"},
        {"cpu-burst"},
        {"cpu-idle"},
        {"cpu-rt-period"},
        {"cpu-rt-runtime"},
        {"pids-limit"},
        {"blkio-weight"},
        {"cpuset-cpus"},
        {"cpuset-mems"}},
       true,
       false,
       1,
       1,
       RunUpdate},
      {"pause", "pause ID", {}, true, false, 1, 1, RunPause},
      {"resume", "resume ID", {}, true, false, 1, 1, RunResume},
      {"spec",
       "spec [--bundle DIR] [--rootless]",
       {{"bundle", "b"}, {"rootless", "", false}},
       true,
       false,
       0,
       0,
       RunSpec},
      {"features", "features", {}, true, false, 0, 0, RunFeatures},
      {"checkpoint", "", {}, false, false, 0, kAny, Refuse},
      {"restore", "", {}, false, false, 0, kAny, Refuse},
  };
}

}  // namespace

const std::vector<Command>& Commands() {
  static const std::vector<Command> table = Table();
  return table;
}

}  // namespace keelson::oci
