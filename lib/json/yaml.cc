// SPDX-License-Identifier: Apache-2.0
// YAML through yaml-cpp's events, which carry positions. Plain scalars are read as Kubernetes' own reader does (YAML 1.1: yes and on
// are booleans, 0644 is octal), so that a manifest means the same here.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <sstream>

#include "lib/base/strings.h"
#include "lib/json/value.h"

namespace keelson::json {
namespace {

struct Refused {
  int line;
  std::string why;
};

std::optional<int64_t> ReadInt(std::string text) {
  std::erase(text, '_');
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.erase(0, 1);
  }
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    base = 8;
    const char mark = text[1];
    if (mark == 'x' || mark == 'o' || mark == 'b') base = mark == 'x' ? 16 : mark == 'o' ? 8 : 2;
    text.erase(0, base == 8 && mark != 'o' ? 1 : 2);
  }
  if (text.empty()) return std::nullopt;
  uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (magnitude > uint64_t{INT64_MAX} + (negative ? 1 : 0)) return std::nullopt;
  return negative ? -static_cast<int64_t>(magnitude - 1) - 1 : static_cast<int64_t>(magnitude);
}

std::optional<double> ReadDouble(const std::string& text) {
  if (text.find_first_of("0123456789") == std::string::npos || text.find_first_not_of("0123456789+-.eE") != std::string::npos) return std::nullopt;
  double number = 0;
  const char* begin = text.data() + (text[0] == '+' ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

Value PlainScalar(const std::string& text) {
  static const std::map<std::string, bool, std::less<>> kWords = {
      {"true", true},   {"True", true},   {"TRUE", true},   {"yes", true}, {"Yes", true}, {"YES", true}, {"on", true},   {"On", true},   {"ON", true},
      {"false", false}, {"False", false}, {"FALSE", false}, {"no", false}, {"No", false}, {"NO", false}, {"off", false}, {"Off", false}, {"OFF", false}};
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return Value();
  if (const auto word = kWords.find(text); word != kWords.end()) return Value(word->second);
  if (const auto integer = ReadInt(text)) return Value(*integer);
  if (const auto real = ReadDouble(text)) return Value(*real);
  return Value(text);
}

class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(const Limits& limits) : limits_(limits) {}

  bool began() const { return began_; }
  Value Take() {
    began_ = false;
    anchors_.clear();
    return std::move(root_);
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Add(mark, Value(), anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Refused{Line(mark), "an alias to what is not finished yet"};
    values_ += Count(found->second);
    Value copy = found->second;
    Add(mark, std::move(copy), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override {
    const bool plain = tag == "?";
    if (!plain && tag != "!" && tag != "tag:yaml.org,2002:str") {
      if (tag == "tag:yaml.org,2002:int" || tag == "tag:yaml.org,2002:bool" || tag == "tag:yaml.org,2002:float" || tag == "tag:yaml.org,2002:null") {
        return Add(mark, PlainScalar(text), anchor);
      }
      throw Refused{Line(mark), "unsupported tag " + tag};
    }
    Add(mark, plain ? PlainScalar(text) : Value(text), anchor, &text);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    Open(mark, Value::Array(), anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    Open(mark, Value::Object(), anchor);
  }
  void OnMapEnd() override {
    Merge(stack_.back().value);
    Close();
  }

 private:
  struct Level {
    Value value;
    YAML::anchor_t anchor;
    std::optional<std::string> key;
    int key_line = 0;
  };
  static int Line(const YAML::Mark& mark) { return mark.line + 1; }
  static size_t Count(const Value& value) {
    size_t count = 1;
    for (const Value& item : value.items()) count += Count(item);
    for (const auto& [key, member] : value.members()) count += Count(member);
    return count;
  }

  void Open(const YAML::Mark& mark, Value value, YAML::anchor_t anchor) {
    if (stack_.size() >= limits_.depth) throw Refused{Line(mark), "nested more than " + std::to_string(limits_.depth) + " deep"};
    if (!stack_.empty() && stack_.back().value.IsObject() && !stack_.back().key) throw Refused{Line(mark), "a key that is not a simple word"};
    value.set_line(Line(mark));
    stack_.push_back({std::move(value), anchor, std::nullopt});
  }
  void Close() {
    Level level = std::move(stack_.back());
    stack_.pop_back();
    Put(std::move(level.value), level.anchor);
  }
  void Add(const YAML::Mark& mark, Value value, YAML::anchor_t anchor, const std::string* text = nullptr) {
    if (++values_ > limits_.values) throw Refused{Line(mark), "more than " + std::to_string(limits_.values) + " values"};
    value.set_line(Line(mark));
    if (!stack_.empty() && stack_.back().value.IsObject() && !stack_.back().key) {
      Level& level = stack_.back();
      if (text == nullptr && !value.IsString()) throw Refused{Line(mark), "a key that is not a simple word"};
      const std::string& key = text != nullptr ? *text : value.AsString();
      if (key != "<<" && level.value.Find(key) != nullptr) throw Refused{Line(mark), "key \"" + key + "\" already set in map"};
      level.key = key;
      level.key_line = Line(mark);
      return;
    }
    Put(std::move(value), anchor);
  }
  void Put(Value value, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = value;
    if (stack_.empty()) {
      root_ = std::move(value);
      began_ = true;
      return;
    }
    Level& level = stack_.back();
    if (level.value.IsArray()) return level.value.Append(std::move(value));
    // A member is found at its key's line: that is where people look.
    value.set_line(level.key_line);
    level.value.members().emplace_back(std::move(*level.key), std::move(value));
    level.key.reset();
  }
  // `<<: *base`: members that are not set beside it.
  static void Merge(Value& map) {
    std::vector<Value> bases;
    for (const auto& [key, value] : map.members()) {
      if (key != "<<") continue;
      if (value.IsArray()) {
        bases.insert(bases.end(), value.items().begin(), value.items().end());
      } else {
        bases.push_back(value);
      }
    }
    if (bases.empty()) return;
    map.Erase("<<");
    for (const Value& base : bases) {
      if (!base.IsObject()) throw Refused{base.line(), "<< of what is not a map"};
      for (const auto& [key, value] : base.members()) {
        if (map.Find(key) == nullptr) map.Set(key, value);
      }
    }
  }

  const Limits& limits_;
  std::vector<Level> stack_;
  std::map<YAML::anchor_t, Value> anchors_;
  Value root_;
  bool began_ = false;
  size_t values_ = 0;
};

}  // namespace

base::Result<std::vector<Value>> ParseYamlStream(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes) return base::InvalidArgument("{} bytes are more than the {} that are read", text.size(), limits.bytes);
  std::vector<Value> documents;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder(limits);
    while (parser.HandleNextDocument(builder)) {
      if (!builder.began()) continue;
      Value document = builder.Take();
      if (!document.IsNull()) documents.push_back(std::move(document));
    }
  } catch (const Refused& refused) {
    return base::InvalidArgument("line {}: {}", refused.line, refused.why);
  } catch (const YAML::Exception& error) {
    return base::InvalidArgument("line {}: not YAML: {}", error.mark.line + 1, error.msg);
  }
  return documents;
}

base::Result<Value> ParseYaml(std::string_view text, const Limits& limits) {
  ASSIGN_OR_RETURN(std::vector<Value> documents, ParseYamlStream(text, limits));
  if (documents.empty()) return base::InvalidArgument("an empty document");
  if (documents.size() > 1) return base::InvalidArgument("line {}: a second document; one is expected", documents[1].line());
  return std::move(documents.front());
}

}  // namespace keelson::json
