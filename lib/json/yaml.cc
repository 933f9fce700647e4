// SPDX-License-Identifier: Apache-2.0
// Values from the events of yaml-cpp. Its exceptions end here; so does Stop, our own way out of its
// callbacks once something is refused. What aliases unfold to is counted like written text, so that
// a small document cannot become a large value.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "lib/json/scalar.h"
#include "lib/json/text.h"
#include "lib/json/value.h"

namespace keelson::json {
namespace {

struct Stop {
  std::string message;
};

struct Size {
  size_t values = 0;
  size_t bytes = 0;
};

Size Measure(const Value& v) {
  Size out{1, v.AsString().size()};
  const auto add = [&out](const Size& s) {
    out.values += s.values;
    out.bytes += s.bytes;
  };
  for (const Value& item : v.items()) add(Measure(item));
  for (const auto& [key, value] : v.members()) {
    add(Measure(value));
    out.bytes += key.size();
  }
  return out;
}

// yaml-cpp makes of "\N" and "\_" the one byte that U+0085 and U+00A0 are in Latin-1. The text
// itself was UTF-8, so that no other bytes stand alone.
std::string WithEscapesAsUtf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t n = Utf8Length(text);
    if (n == 0) AppendUtf8(out, static_cast<unsigned char>(text[0]));
    out.append(text, 0, n);
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

// The name that a scalar has as the key of an object; nothing for what cannot be one.
std::optional<std::string> KeyText(const Value& key) {
  switch (key.kind()) {
    case Value::Kind::kString:
      return key.AsString();
    case Value::Kind::kInt:
      return std::to_string(key.AsInt());
    case Value::Kind::kDouble:
      return DoubleText(key.AsDouble());
    case Value::Kind::kBool:
      return key.AsBool() ? "true" : "false";
    default:
      return std::nullopt;
  }
}

class Builder : public YAML::EventHandler {
 public:
  // With `repeated`, repeated keys are told there instead of refused.
  explicit Builder(const Limits& limits, std::vector<std::string>* repeated = nullptr)
      : limits_(limits), repeated_(repeated) {}

  bool has_document() const { return has_document_; }
  Value Take() {
    has_document_ = false;
    return std::move(document_);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // Of a ',' that parts nothing yaml-cpp makes empty documents without end and never leaves it.
    if (mark.pos == begun_at_) Refuse(mark, "a character that begins nothing");
    begun_at_ = mark.pos;
    frames_.clear();
    anchors_.clear();
    document_ = Value();
    has_document_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(mark, Value(), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) Refuse(mark, "an alias inside the value that it stands for");
    Value copy = found->second;
    Count(mark, Measure(copy));
    Put(mark, std::move(copy));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& read) override {
    const std::string text = IsUtf8(read) ? read : WithEscapesAsUtf8(read);
    if (!frames_.empty() && frames_.back().value.IsObject() && !frames_.back().key) {
      // A key is what was written: `on: 1` names the member "on", `080: 1` the member "080".
      Frame& frame = frames_.back();
      frame.merging = tag == "?" && text == "<<";
      if (!frame.merging) return Add(mark, Value(text), anchor);
      Count(mark, {1, text.size()});
      frame.key = text;
      frame.key_line = mark.line + 1;
      return;
    }
    Add(mark, Scalar(mark, tag, text), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Value::Array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Value::Object());
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override {
    Frame& frame = frames_.back();
    for (Value::Member& m : frame.merged) {
      if (frame.keys.insert(m.first).second) frame.value.members().push_back(std::move(m));
    }
    Close();
  }

 private:
  struct Frame {
    Value value;
    YAML::anchor_t anchor = 0;
    YAML::Mark mark;
    std::optional<std::string> key;  // read, waiting for its value
    int key_line = 0;
    bool merging = false;  // that key is <<
    std::unordered_set<std::string> keys;
    std::vector<Value::Member> merged;
  };

  [[noreturn]] static void Refuse(const YAML::Mark& mark, std::string_view why) {
    throw Stop{fmt::format("line {}: {}", mark.line + 1, why)};
  }

  void Count(const YAML::Mark& mark, const Size& size) {
    values_ += size.values;
    bytes_ += size.bytes;
    if (values_ > limits_.values) Refuse(mark, fmt::format("more than {} values", limits_.values));
    // Escapes may make text a little longer than it was written; aliases would make it much longer.
    if (bytes_ > limits_.bytes * 2)
      Refuse(mark, fmt::format("unfolds to more than {} bytes", limits_.bytes * 2));
  }

  static Value Scalar(const YAML::Mark& mark, const std::string& tag, const std::string& text) {
    static constexpr std::string_view kPrefix = "tag:yaml.org,2002:";
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return Value(text);
    const std::string_view kind =
        tag.starts_with(kPrefix) ? std::string_view(tag).substr(kPrefix.size()) : "";
    if (tag != "?" && kind != "int" && kind != "float" && kind != "bool" && kind != "null") {
      Refuse(mark, fmt::format("tag {} is not supported", Quote(tag)));
    }
    std::optional<Value> value = ResolvePlainScalar(text);
    if (!value) Refuse(mark, fmt::format("{} is not a JSON value", Quote(text)));
    const bool fits = kind.empty() || (kind == "int" && value->IsInt()) ||
                      (kind == "float" && value->IsNumber()) ||
                      (kind == "bool" && value->IsBool()) || (kind == "null" && value->IsNull());
    if (!fits) Refuse(mark, fmt::format("{} is not of the kind !!{}", Quote(text), kind));
    return *std::move(value);
  }

  void Add(const YAML::Mark& mark, Value value, YAML::anchor_t anchor) {
    value.set_line(mark.line + 1);
    Count(mark, {1, value.AsString().size()});
    if (anchor != 0) anchors_[anchor] = value;
    Put(mark, std::move(value));
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Value empty) {
    if (frames_.size() >= limits_.depth)
      Refuse(mark, fmt::format("nested deeper than {} levels", limits_.depth));
    if (tag != "?" && tag != "!" && tag != "tag:yaml.org,2002:map" &&
        tag != "tag:yaml.org,2002:seq" && !tag.empty()) {
      Refuse(mark, fmt::format("tag {} is not supported", Quote(tag)));
    }
    if (!frames_.empty() && frames_.back().value.IsObject() && !frames_.back().key)
      Refuse(mark, "a key must be a scalar");
    Count(mark, {1, 0});
    empty.set_line(mark.line + 1);
    Frame frame;
    frame.value = std::move(empty);
    frame.anchor = anchor;
    frame.mark = mark;
    frames_.push_back(std::move(frame));
  }

  void Close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.anchor != 0) {
      Count(frame.mark,
            Measure(frame.value));  // a copy is kept: anchors inside anchors would multiply
      anchors_[frame.anchor] = frame.value;
    }
    Put(frame.mark, std::move(frame.value));
  }

  void Put(const YAML::Mark& mark, Value value) {
    if (frames_.empty()) {
      document_ = std::move(value);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.value.IsArray()) {
      frame.value.items().push_back(std::move(value));
      return;
    }
    if (!frame.key) {
      frame.key = KeyText(value);
      if (!frame.key) Refuse(mark, "a key must be a scalar and not null");
      frame.key_line = mark.line + 1;
      if (!frame.keys.insert(*frame.key).second) {
        const std::string why = fmt::format("key {} already set in map", Quote(*frame.key));
        // Each of them costs a walk through the object, so there is an end to them.
        if (repeated_ == nullptr || repeated_->size() >= kMostRepeated) Refuse(mark, why);
        repeated_->push_back(fmt::format("line {}: {}", mark.line + 1, why));
        frame.value.Erase(*frame.key);
      }
      return;
    }
    if (frame.merging) {
      Merge(mark, frame, value);
    } else {
      // A member is found at its key's line: that is where people look.
      value.set_line(frame.key_line);
      frame.value.members().emplace_back(*std::move(frame.key), std::move(value));
    }
    frame.key.reset();
    frame.merging = false;
  }

  // `<<: *a` or `<<: [*a, *b]`: members that the object does not have itself; an earlier one wins.
  static void Merge(const YAML::Mark& mark, Frame& frame, const Value& from) {
    const auto take = [&](const Value& object) {
      if (!object.IsObject()) Refuse(mark, "<< takes an object or a list of objects");
      frame.merged.insert(frame.merged.end(), object.members().begin(), object.members().end());
    };
    if (!from.IsArray()) return take(from);
    for (const Value& item : from.items()) take(item);
  }

  static constexpr size_t kMostRepeated = 100;

  const Limits& limits_;
  std::vector<std::string>* repeated_;
  int begun_at_ = -1;  // the last document
  bool has_document_ = false;
  Value document_;
  std::vector<Frame> frames_;
  std::unordered_map<YAML::anchor_t, Value> anchors_;
  size_t values_ = 0;
  size_t bytes_ = 0;
};

// YAML is text; yaml-cpp takes byte 4 for the end and other encodings for what they are not.
base::Status CheckText(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes)
    return base::InvalidArgument("line 1: {} bytes, more than {}", text.size(), limits.bytes);
  int line = 1;
  while (!text.empty()) {
    const size_t n = Utf8Length(text);
    if (n == 0) return base::InvalidArgument("line {}: invalid UTF-8", line);
    const auto c = static_cast<unsigned char>(text[0]);
    if (c == '\n') ++line;
    if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f) {
      return base::InvalidArgument("line {}: control characters are not allowed", line);
    }
    text.remove_prefix(n);
  }
  return base::Ok();
}

base::Result<std::vector<Value>> Documents(std::string_view text, const Limits& limits,
                                           std::vector<std::string>* repeated = nullptr,
                                           size_t most = SIZE_MAX) {
  RETURN_IF_ERROR(CheckText(text, limits));
  std::vector<Value> out;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder(limits, repeated);
    for (size_t i = 0; i < most && parser.HandleNextDocument(builder); ++i) {
      if (!builder.has_document()) break;
      Value document = builder.Take();
      if (!document.IsNull()) out.push_back(std::move(document));
    }
  } catch (const Stop& stop) {
    return base::Error(base::Code::kInvalidArgument, stop.message);
  } catch (const YAML::Exception& e) {
    return base::InvalidArgument("line {}: {}", e.mark.is_null() ? 1 : e.mark.line + 1, e.msg);
  } catch (const std::exception& e) {
    return base::InvalidArgument("line 1: {}", e.what());
  }
  return out;
}

}  // namespace

base::Result<std::vector<Value>> ParseYamlStream(std::string_view text, const Limits& limits) {
  return Documents(text, limits);
}

base::Result<Value> ParseFirstYaml(std::string_view text, std::vector<std::string>& repeated,
                                   const Limits& limits) {
  const size_t start = text.find_first_not_of(" \t\r\n");
  if (start != std::string_view::npos && text[start] == '{') {
    if (base::Result<Value> json = ParseJson(text, limits); json.ok()) return json;
  }
  ASSIGN_OR_RETURN(std::vector<Value> documents, Documents(text, limits, &repeated, 1));
  return documents.empty() ? Value() : std::move(documents[0]);
}

base::Result<Value> ParseYaml(std::string_view text, const Limits& limits) {
  // What is JSON is read as JSON: no difference in meaning, but YAML's readers know neither \/ nor
  // surrogate pairs.
  const size_t start = text.find_first_not_of(" \t\r\n");
  if (start != std::string_view::npos && text[start] == '{') {
    if (base::Result<Value> json = ParseJson(text, limits); json.ok()) return json;
  }
  ASSIGN_OR_RETURN(std::vector<Value> documents, Documents(text, limits));
  if (documents.empty()) return base::InvalidArgument("line 1: an empty document");
  if (documents.size() > 1) {
    return base::InvalidArgument("line {}: a second document where one was expected",
                                 documents[1].line());
  }
  return std::move(documents[0]);
}

}  // namespace keelson::json
