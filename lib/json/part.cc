// SPDX-License-Identifier: Apache-2.0
#include "lib/json/part.h"

#include <cstring>

namespace keelson::json {
namespace {

class PartReader {
 public:
  PartReader(std::string_view text, Wanted wanted) : text_(text), wanted_(wanted) {}

  base::Result<Value> Document() {
    SkipSpace();
    Value out = Value::Object();
    if (!ReadObject(out, {})) {
      if (problem_) return *problem_;
      return base::InvalidArgument("not a JSON object: it ends or is damaged at byte {}", at_);
    }
    return out;
  }

 private:
  void SkipSpace() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
      ++at_;
    }
  }
  bool Take(char c) {
    SkipSpace();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // Behind the string that begins here.
  bool SkipString() {
    for (++at_; at_ < text_.size(); ++at_) {
      const void* quote = memchr(text_.data() + at_, '"', text_.size() - at_);
      if (quote == nullptr) return false;
      at_ = static_cast<size_t>(static_cast<const char*>(quote) - text_.data());
      size_t backslashes = 0;
      while (text_[at_ - 1 - backslashes] == '\\') ++backslashes;  // the first quote ends it
      if (backslashes % 2 == 0) {
        ++at_;
        return true;
      }
    }
    return false;
  }
  bool SkipValue() {
    int depth = 0;
    do {
      if (at_ >= text_.size()) return false;
      switch (text_[at_]) {
        case '"':
          if (!SkipString()) return false;
          continue;
        case '{':
        case '[':
          ++depth;
          break;
        case '}':
        case ']':
          if (depth == 0) return true;  // of a number's or word's surroundings
          --depth;
          break;
        case ',':
          if (depth == 0) return true;
          break;
        default:
          break;
      }
      ++at_;
    } while (depth > 0 ||
             (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}' && text_[at_] != ']'));
    return true;
  }

  // `top`: empty for the outermost.
  bool ReadObject(Value& out, std::string_view top) {
    if (!Take('{')) return false;
    if (Take('}')) return true;
    do {
      SkipSpace();
      const size_t from = at_;
      if (at_ >= text_.size() || text_[at_] != '"' || !SkipString()) return false;
      const std::string_view name = text_.substr(from + 1, at_ - from - 2);
      if (!Take(':')) return false;
      SkipSpace();
      if (at_ >= text_.size()) return false;
      if (!ReadMember(out, top, name)) return false;
    } while (Take(','));
    return Take('}');
  }

  bool ReadMember(Value& out, std::string_view top, std::string_view name) {
    const char first = text_[at_];
    const bool wanted = top.empty() ? wanted_(name, {}, first) : wanted_(top, name, first);
    if (wanted && top.empty() && first == '{' && !name.empty()) {
      Value& member = out.Set(name, Value::Object());
      return ReadObject(member, name);
    }
    const size_t from = at_;
    if (!SkipValue()) return false;
    if (!wanted) return true;
    base::Result<Value> value = ParseJson(text_.substr(from, at_ - from));
    if (!value.ok()) {
      problem_ = value.error();
      return false;
    }
    out.Set(name, *std::move(value));
    return true;
  }

  const std::string_view text_;
  const Wanted wanted_;
  size_t at_ = 0;
  std::optional<base::Error> problem_;
};

}  // namespace

base::Result<Value> ParseJsonPart(std::string_view text, Wanted wanted) {
  return PartReader(text, wanted).Document();
}

}  // namespace keelson::json
