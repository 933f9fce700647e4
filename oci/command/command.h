// SPDX-License-Identifier: Apache-2.0
// The commands of keelson-oci, each with its flags, and what all of them know. One thread. Source:
// runc(8), crun(1): the words, the output and the exit codes are theirs.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "oci/command/arguments.h"
#include "oci/container/maker.h"
#include "oci/state/record.h"

namespace keelson::oci {

struct Global {
  std::string root;
  bool root_given = false;
  bool systemd = false;
  bool no_cgroup = false;
  bool rootless = false;
  bool debug = false;
};

// The exit code of the program, or an error that main() writes and makes 1 of.
using Outcome = base::Result<int>;

struct Command {
  const char* name;
  const char* about;
  const char* usage;
  std::vector<Flag> flags;
  bool anywhere;       // flags may follow the container's id
  bool becomes;        // a process of this program becomes a container's
  size_t least, most;  // words that are no flags
  Outcome (*run)(const Global&, const Arguments&);
};
const std::vector<Command>& Commands();

Outcome RunCreate(const Global& global, const Arguments& arguments);
Outcome RunRun(const Global& global, const Arguments& arguments);
Outcome RunStart(const Global& global, const Arguments& arguments);
Outcome RunState(const Global& global, const Arguments& arguments);
Outcome RunKill(const Global& global, const Arguments& arguments);
Outcome RunDelete(const Global& global, const Arguments& arguments);
Outcome RunExec(const Global& global, const Arguments& arguments);
Outcome RunPs(const Global& global, const Arguments& arguments);
Outcome RunList(const Global& global, const Arguments& arguments);
Outcome RunEvents(const Global& global, const Arguments& arguments);
Outcome RunUpdate(const Global& global, const Arguments& arguments);
Outcome RunPause(const Global& global, const Arguments& arguments);
Outcome RunResume(const Global& global, const Arguments& arguments);
Outcome RunSpec(const Global& global, const Arguments& arguments);
Outcome RunFeatures(const Global& global, const Arguments& arguments);

// "KILL", "SIGKILL", "9", "RTMIN+3" → number.
base::Result<int> ParseSignal(std::string_view text);
// To standard error, and to --log where there is one.
void Warn(const std::string& text);
void Complain(const base::Error& error);

}  // namespace keelson::oci
