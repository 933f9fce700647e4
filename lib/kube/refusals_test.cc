// SPDX-License-Identifier: Apache-2.0
// What a real API server answered to good and bad objects (testdata/refusals.json), asked of this
// decoder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/kube/decode.h"

namespace keelson::kube {
namespace {

json::Value Load() {
  std::ifstream file(base::SourceDir() + "/lib/kube/testdata/refusals.json");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  auto parsed = json::ParseJson(text);
  EXPECT_TRUE(parsed.ok()) << parsed.error().message();
  return parsed.ok() ? std::move(parsed).value() : json::Value();
}

// One operation of RFC 6902: add (into a list), remove or replace.
void Mutate(json::Value& document, const std::string& op, const std::string& path,
            const json::Value& value) {
  std::vector<std::string_view> steps = base::Split(path, '/');
  json::Value* at = &document;
  for (size_t i = 1; i + 1 < steps.size(); ++i) {
    at = at->IsArray() ? &at->items()[*base::ParseUint64(steps[i])] : at->Find(steps[i]);
    ASSERT_NE(at, nullptr) << path;
  }
  if (at->IsArray()) {
    const auto item =
        at->items().begin() + static_cast<ptrdiff_t>(*base::ParseUint64(steps.back()));
    if (op == "add") at->items().insert(item, value);
    if (op == "remove") at->items().erase(item);
    if (op == "replace") *item = value;
  } else if (op == "remove") {
    at->Erase(steps.back());
  } else {
    at->Set(steps.back(), value);
  }
}

// The problems without their lines; "accepted" when there are none.
std::vector<std::string> Answer(const json::Value& object) {
  const bool pod = object.At({"kind"}).AsString() == "Pod";
  const base::Status status = pod ? [&]() -> base::Status {
    const auto decoded = DecodePod(object);
    return decoded.ok() ? base::Ok() : base::Status(decoded.error());
  }()
      : [&]() -> base::Status {
          const auto decoded = DecodeConfigObject(object);
          return decoded.ok() ? base::Ok() : base::Status(decoded.error());
        }();
  if (status.ok()) return {};
  std::vector<std::string> out;
  for (std::string_view line : base::Split(status.error().message(), '\n')) {
    out.emplace_back(line.starts_with("line ") ? line.substr(line.find(": ") + 2) : line);
  }
  return out;
}

// "field: ~tail" stands for any value before the tail.
bool Same(const std::string& wanted, const std::string& got) {
  const size_t mark = wanted.find(": ~");
  if (mark == std::string::npos) return wanted == got;
  return got.starts_with(wanted.substr(0, mark)) && got.ends_with(wanted.substr(mark + 3));
}

void Compare(const json::Value& object, const json::Value& wanted) {
  std::vector<std::string> got = Answer(object);
  if (wanted.IsNull()) {
    EXPECT_FALSE(got.empty()) << "must not be decodable";
    return;
  }
  std::vector<std::string> texts;
  for (const json::Value& text : wanted.items()) texts.push_back(text.AsString());
  std::sort(texts.begin(), texts.end());
  std::sort(got.begin(), got.end());
  const bool same =
      texts.size() == got.size() && std::equal(texts.begin(), texts.end(), got.begin(), Same);
  EXPECT_TRUE(same) << "wanted " << testing::PrintToString(texts) << "\n   got "
                    << testing::PrintToString(got);
}

TEST(Refusals, AreThoseOfTheRealServerForWholeObjects) {
  const json::Value data = Load();
  for (const json::Value& entry : data.At({"cases"}).items()) {
    SCOPED_TRACE(entry.items()[0].AsString());
    Compare(entry.items()[1], entry.items()[2]);
  }
}

TEST(Refusals, AreThoseOfTheRealServerForSingleChanges) {
  const json::Value data = Load();
  for (const json::Value& entry : data.At({"mutations"}).items()) {
    const auto& parts = entry.items();
    SCOPED_TRACE(json::WriteJson(entry).substr(0, 200));
    json::Value object = data.At({"bases", parts[0].AsString()});
    ASSERT_NO_FATAL_FAILURE(Mutate(object, parts[1].AsString(), parts[2].AsString(), parts[3]));
    Compare(object, parts[4]);
  }
}

}  // namespace
}  // namespace keelson::kube
