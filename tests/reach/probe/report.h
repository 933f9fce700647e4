// SPDX-License-Identifier: Apache-2.0
// What the probe writes down: a line for each thing tried,
// "AREA<tab>SUBJECT<tab>ACTION<tab>RESULT". RESULT begins with "ok" or is what the kernel said
// ("EPERM"); tests/reach/compare.py reads them.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace keelson::reach {

void OpenReport(const char* path);
void Tell(std::string_view area, std::string_view subject, std::string_view action,
          std::string_view result);
void CloseReport();
std::string ErrorName(int error);
// "ok" for what is not negative, else errno's name.
std::string Outcome(long result);

// `what` in a process of its own, which may die of it: its answer, "signal N", or "ok still runs"
// when it has not ended after some seconds (it is killed then).
std::string Apart(const std::function<std::string()>& what);
// The same for one bare system call, asked for with nothing but registers in between.
std::string CallApart(long number, long argument);
std::string Call32Apart(long number);  // by int 0x80, where the kernel and the filter let it

void TellProcess(const std::string& marker, std::string_view host_namespaces);
void TellPaths();
void TellCalls();
void TellDeeds();
void TellSockets();

}  // namespace keelson::reach
