// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/seccomp/seccomp.h"

namespace keelson::seccomp {

std::string Fingerprint(const Profile& profile) {
  std::string out;
  const auto number = [&out](uint64_t value) { out += std::to_string(value) + ","; };
  const auto text = [&](const std::string& value) {
    number(value.size());
    out += value;
  };
  number(static_cast<uint64_t>(profile.default_action));
  number(profile.default_error);
  number(profile.architectures.size());
  for (const std::string& architecture : profile.architectures) text(architecture);
  for (const Rule& rule : profile.rules) {
    out += ";";
    number(static_cast<uint64_t>(rule.action));
    number(rule.error);
    number(rule.names.size());
    for (const std::string& name : rule.names) text(name);
    for (const Argument& argument : rule.arguments) {
      number(argument.index);
      number(static_cast<uint64_t>(argument.compare));
      number(argument.value);
      number(argument.value_two);
    }
  }
  return out;
}

base::Result<Program> ProgramCache::Get(const Profile& profile) {
  const std::string key = Fingerprint(profile);
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    auto found = entries_.find(key);
    if (found == entries_.end()) {
      recent_.push_front(key);
      found = entries_.emplace(key, Slot{std::make_shared<Entry>(), recent_.begin()}).first;
      if (entries_.size() > capacity_) {
        entries_.erase(recent_.back());
        recent_.pop_back();
      }
    } else {
      recent_.splice(recent_.begin(), recent_, found->second.position);
    }
    entry = found->second.entry;
  }
  // Compiling holds only its own entry's lock: other profiles go on.
  const std::lock_guard lock(entry->mutex);
  if (entry->program == nullptr) {
    ASSIGN_OR_RETURN(std::string bytes, Compile(profile));
    entry->program = std::make_shared<const std::string>(std::move(bytes));
    const std::lock_guard count_lock(mutex_);
    ++compiled_;
  }
  return entry->program;
}

size_t ProgramCache::compiled() const {
  const std::lock_guard lock(mutex_);
  return compiled_;
}

}  // namespace keelson::seccomp
