// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/token_table.h"

#include "lib/base/ids.h"

namespace keelson::stream {

base::Result<std::string> TokenTable::Add(Asked asked) {
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kMaxTokens) DropOld();
  if (entries_.size() >= kMaxTokens)
    return base::ResourceExhausted("{} streaming requests wait for their clients already",
                                   entries_.size());
  std::string token = base::RandomHex(16);
  entries_[token] = {std::move(asked), clock_.Steady() + kTokenLife};
  return token;
}

std::optional<Asked> TokenTable::Take(Kind kind, const std::string& token) {
  const std::lock_guard lock(mutex_);
  DropOld();
  const auto it = entries_.find(token);
  if (it == entries_.end() || it->second.asked.kind != kind) return std::nullopt;
  Asked asked = std::move(it->second.asked);
  entries_.erase(it);
  return asked;
}

void TokenTable::DropOld() {
  const base::SteadyTime now = clock_.Steady();
  std::erase_if(entries_, [&](const auto& item) { return item.second.until <= now; });
}

}  // namespace keelson::stream
