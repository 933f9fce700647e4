// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/store.h"

#include <set>

namespace keelson::store {

using base::Error;

const Conflict* ConflictOf(const Error& error) {
  return dynamic_cast<const Conflict*>(error.detail().get());
}

const Compacted* CompactedOf(const Error& error) {
  return dynamic_cast<const Compacted*>(error.detail().get());
}

Error MakeConflict(std::string_view key, Revision expected, Revision current) {
  auto detail = std::make_shared<Conflict>();
  detail->key = key;
  detail->current = current;
  std::string is = current == kAbsent ? "it is not there" : fmt::format("it is {}", current);
  std::string was = expected == kAbsent ? "not to be there" : fmt::format("revision {}", expected);
  return base::Aborted("key '{}' was expected {}: {}", key, expected == kAbsent ? was : "at " + was,
                       is)
      .WithDetail(std::move(detail));
}

Error MakeCompacted(Revision from, Revision oldest) {
  auto detail = std::make_shared<Compacted>();
  detail->oldest = oldest;
  return base::OutOfRange("revision {} is too old: events are kept from {}", from, oldest)
      .WithDetail(std::move(detail));
}

base::Status CheckChanges(const std::vector<Change>& changes) {
  if (changes.empty()) return base::InvalidArgument("a commit without changes");
  if (changes.size() > kMaxChanges) {
    return base::InvalidArgument("a commit of {} changes: {} are the most", changes.size(),
                                 kMaxChanges);
  }
  std::set<std::string_view> keys;
  for (const Change& change : changes) {
    if (change.key.empty() || change.key.size() > kMaxKeyBytes) {
      return base::InvalidArgument("a key of {} bytes: 1 to {} are allowed", change.key.size(),
                                   kMaxKeyBytes);
    }
    if (change.value.size() > kMaxValueBytes) {
      return base::InvalidArgument("key '{}': a value of {} bytes: {} are the most", change.key,
                                   change.value.size(), kMaxValueBytes);
    }
    if (change.expected < kAny) {
      return base::InvalidArgument("key '{}': revision {}", change.key, change.expected);
    }
    if (!change.value && change.expected == kAbsent) {
      return base::InvalidArgument("key '{}' is to be deleted and not to be there", change.key);
    }
    if (!keys.insert(change.key).second) {
      return base::InvalidArgument("key '{}' occurs twice in a commit", change.key);
    }
  }
  return base::Ok();
}

std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace keelson::store
