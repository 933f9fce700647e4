// SPDX-License-Identifier: Apache-2.0
// The packet filter through iptables' own programs, in both flavours and for both families. For the
// network namespace of the calling thread; each call runs a program and blocks. Source:
// iptables(8), iptables-restore(8).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace keelson::xtables {

// "iptables-nft", "ip6tables-legacy".
using Flavour = std::string;

bool Installed(const Flavour& flavour);
// The nft flavour is everybody's default. Legacy tables that are loaded belong to somebody (an old
// Docker, say) whose drop policy counts as well: packets pass both.
std::vector<Flavour> FlavoursInUse(bool v6);
// Says which package is missing.
base::Error NoneInstalled(bool v6);

// Applies `text` on top of what is there: declared chains are made or emptied.
base::Status Restore(const Flavour& flavour, const std::string& text);
// Whether it could be read; nothing is applied, and the kernel is not asked.
base::Status Test(const Flavour& flavour, const std::string& text);
// What `iptables-save` prints of a table; "" where the table was never used.
base::Result<std::string> Save(const Flavour& flavour, const std::string& table);

struct Rule {
  std::string table;
  std::string chain;
  std::vector<std::string> words;
};
base::Result<bool> Has(const Flavour& flavour, const Rule& rule);
base::Status Add(const Flavour& flavour, const Rule& rule, bool first);
base::Status Insert(const Flavour& flavour, const Rule& rule, size_t place);  // 1: the first
base::Status RemoveAll(const Flavour& flavour, const Rule& rule);  // each copy; absent is success
base::Result<bool> HasChain(const Flavour& flavour, const std::string& table,
                            const std::string& chain);
// Emptied and removed; false: something still leads to it.
base::Result<bool> RemoveChain(const Flavour& flavour, const std::string& table,
                               const std::string& chain);

}  // namespace keelson::xtables
