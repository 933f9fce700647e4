// SPDX-License-Identifier: Apache-2.0
// An ObjectReader for tests: a value is "uid;key=value,key=value;field,field", the name and the
// namespace are the key's last parts, what is served is the value with its revision.
#pragma once

#include "lib/base/strings.h"
#include "minimal-master/watch/object.h"

namespace keelson::watch {

class FakeReader final : public ObjectReader {
 public:
  base::Result<Contents> Read(std::string_view key, const Bytes& value,
                              Revision revision) const override {
    if (value.view() == "unreadable") return base::InvalidArgument("not an object");
    Contents out;
    const auto parts = base::Split(key, '/');
    out.name = parts.back();
    if (parts.size() > 2) out.ns = parts[parts.size() - 2];
    const auto texts = base::Split(value.view(), ';');
    out.uid = texts[0];
    if (texts.size() > 1 && !texts[1].empty()) {
      for (const std::string_view label : base::Split(texts[1], ',')) {
        const size_t equals = label.find('=');
        out.labels.emplace_back(label.substr(0, equals), label.substr(equals + 1));
      }
    }
    if (texts.size() > 2) {
      for (const std::string_view field : base::Split(texts[2], ','))
        out.fields.emplace_back(field);
    }
    out.bytes = Bytes::Join({value.view(), "@", std::to_string(revision)});
    return out;
  }
  Bytes Departed(const Object& last, Revision revision) const override {
    const std::string_view text = last.bytes().view();
    return Bytes::Join({text.substr(0, text.rfind('@')), "@", std::to_string(revision)});
  }
};

}  // namespace keelson::watch
