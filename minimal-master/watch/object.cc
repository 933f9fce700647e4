// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/watch/object.h"

#include <algorithm>

namespace keelson::watch {

Object::Object(std::string_view key, Revision revision, const Contents& contents)
    : revision_(revision), bytes_(contents.bytes) {
  size_t size = key.size() + contents.ns.size() + contents.name.size() + contents.uid.size();
  for (const auto& [label, value] : contents.labels) size += label.size() + value.size();
  for (const std::string& uid : contents.owner_uids) size += uid.size();
  for (const std::string& field : contents.fields) size += field.size();
  text_.reserve(size);  // the views stay where they are
  const auto keep = [&](std::string_view part) {
    const size_t at = text_.size();
    text_ += part;
    return std::string_view(text_.data() + at, part.size());
  };
  key_ = keep(key);
  ns_ = keep(contents.ns);
  name_ = keep(contents.name);
  uid_ = keep(contents.uid);
  labels_.reserve(contents.labels.size());
  for (const auto& [label, value] : contents.labels) {
    const std::string_view kept = keep(label);
    labels_.emplace_back(kept, keep(value));
  }
  std::sort(labels_.begin(), labels_.end());
  owner_uids_.reserve(contents.owner_uids.size());
  for (const std::string& uid : contents.owner_uids) owner_uids_.push_back(keep(uid));
  fields_.reserve(contents.fields.size());
  for (const std::string& field : contents.fields) fields_.push_back(keep(field));
}

Object::Object(const Object& other, Revision revision, Bytes bytes)
    : Object(other.key(), revision, other.ToContents()) {
  bytes_ = std::move(bytes);
}

Contents Object::ToContents() const {
  Contents out;
  out.ns = ns_;
  out.name = name_;
  out.uid = uid_;
  for (const auto& [label, value] : labels_) out.labels.emplace_back(label, value);
  out.owner_uids.assign(owner_uids_.begin(), owner_uids_.end());
  out.fields.assign(fields_.begin(), fields_.end());
  return out;
}

const std::string_view* Object::FindLabel(std::string_view key) const {
  const auto found =
      std::lower_bound(labels_.begin(), labels_.end(), key,
                       [](const Label& a, std::string_view b) { return a.first < b; });
  return found != labels_.end() && found->first == key ? &found->second : nullptr;
}

}  // namespace keelson::watch
