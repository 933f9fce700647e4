// SPDX-License-Identifier: Apache-2.0
// Single questions to the kernel's network side, for a child between fork() and _exit(): system
// calls only, no memory allocation. Each returns 0 or an errno. Sources: rtnetlink(7), netlink(7).
#pragma once

namespace keelson::features {

int MakeLink(const char* kind);   // in the present network namespace, which goes with the child
int AskNftables();                // generation of the rule set
int AskIptables();                // the filter table of ip_tables
int AskFamily(const char* name);  // of generic netlink

}  // namespace keelson::features
