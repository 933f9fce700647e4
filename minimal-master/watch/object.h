// SPDX-License-Identifier: Apache-2.0
// Object: what the cache keeps of a key: the bytes that are served, once, and a small header to
// find and filter by without reading them. Immutable, shared by Ref, any thread. ObjectReader makes
// the header; it is the layer above that knows JSON.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "minimal-master/store/store.h"
#include "minimal-master/watch/ref.h"

namespace keelson::watch {

using store::Bytes;
using store::Revision;

// What an ObjectReader says of a value.
struct Contents {
  std::string ns;  // empty: not in a namespace
  std::string name;
  std::string uid;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::string> owner_uids;
  std::vector<std::string>
      fields;   // the resource's selectable fields, in an order the reader knows
  Bytes bytes;  // what is served: the object with its resourceVersion
};

class Object : public Counted {
 public:
  using Label = std::pair<std::string_view, std::string_view>;

  Object(std::string_view key, Revision revision, const Contents& contents);
  // `other` as it was, with these bytes and this revision: the last that is heard of it.
  Object(const Object& other, Revision revision, Bytes bytes);
  Object(const Object&) = delete;

  std::string_view key() const { return key_; }
  std::string_view ns() const { return ns_; }
  std::string_view name() const { return name_; }
  std::string_view uid() const { return uid_; }
  Revision revision() const { return revision_; }
  const Bytes& bytes() const { return bytes_; }
  const std::vector<Label>& labels() const { return labels_; }  // by key
  const std::vector<std::string_view>& owner_uids() const { return owner_uids_; }
  std::string_view field(size_t index) const {
    return index < fields_.size() ? fields_[index] : std::string_view();
  }
  const std::string_view* FindLabel(std::string_view key) const;  // null: it has none

 private:
  Contents ToContents() const;

  std::string text_;  // everything that the views below show
  std::string_view key_, ns_, name_, uid_;
  Revision revision_;
  Bytes bytes_;
  std::vector<Label> labels_;
  std::vector<std::string_view> owner_uids_;
  std::vector<std::string_view> fields_;
};
using ObjectPtr = Ref<const Object>;

// Called on the store's thread (and on the opener's): quick, thread-safe.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  // An error: the value is none of ours; it is left out, counted and logged.
  virtual base::Result<Contents> Read(std::string_view key, const Bytes& value,
                                      Revision revision) const = 0;
  // The bytes that tell of the end of `last` (deleted, or no longer matching): the same with this
  // revision.
  virtual Bytes Departed(const Object& last, Revision revision) const = 0;
};

}  // namespace keelson::watch
