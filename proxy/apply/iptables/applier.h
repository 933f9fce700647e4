// SPDX-License-Identifier: Apache-2.0
// Keeps one family's rules in the kernel as the plans say: whole at first and after trouble, else
// only what changed. Owns its chains and the jumps to them; leaves every other rule alone. Blocks;
// one thread at a time, in whose network namespace it works.
#pragma once

#include "lib/base/result.h"
#include "lib/kernel/xtables/xtables.h"
#include "proxy/apply/iptables/rules.h"

namespace keelson::proxy::iptables {

class Applier {
 public:
  Applier(xtables::Flavour flavour, Options options)
      : flavour_(std::move(flavour)), options_(std::move(options)) {}

  // `applied`: the pieces that may differ, as they were at the last call that went well; empty ones
  // of services that were not there. After an error the next call writes everything.
  base::Status Sync(const Pieces& wanted, const Pieces& applied);
  // False: somebody has flushed the tables since; the next Sync writes everything.
  base::Result<bool> Intact();
  // All that ever was ours, of an earlier run too.
  base::Status Remove();

  struct Counts {
    uint64_t full = 0, partial = 0, bytes = 0, failures = 0, partial_failures = 0;
    std::map<std::string, uint64_t> last_rules;  // written last, by table
  };
  const Counts& counts() const { return counts_; }

 private:
  void Written(const std::string& text);
  base::Status Prepare();
  base::Status Whole(const Pieces& wanted);

  const xtables::Flavour flavour_;
  const Options options_;
  bool whole_ = false;  // what was written last is there
  Counts counts_;
};

}  // namespace keelson::proxy::iptables
