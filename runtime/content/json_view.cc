// SPDX-License-Identifier: Apache-2.0
#include "runtime/content/json_view.h"

#include <boost/json.hpp>

namespace keelson::content {
namespace {

namespace json = boost::json;
constexpr size_t kMaxDepth = 32;

const json::value& At(const void* node) { return *static_cast<const json::value*>(node); }

}  // namespace

base::Result<JsonView> JsonView::Parse(std::string_view text) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = kMaxDepth;
  auto value = std::make_shared<const json::value>(
      json::parse({text.data(), text.size()}, error, {}, options));
  if (error) return base::InvalidArgument("not valid JSON: {}", error.message());
  if (!value->is_object()) return base::InvalidArgument("not a JSON object");
  const void* node = value.get();
  return JsonView(std::move(value), node, "");
}

const void* JsonView::Member(std::string_view key) const {
  if (node_ == nullptr) return nullptr;
  const json::value* found = At(node_).get_object().if_contains({key.data(), key.size()});
  return found == nullptr || found->is_null() ? nullptr : found;
}

base::Error JsonView::Bad(std::string_view key, std::string_view what) const {
  return base::InvalidArgument("field {}{}{} is not {}", path_, path_.empty() ? "" : ".", key,
                               what);
}

bool JsonView::Has(std::string_view key) const { return Member(key) != nullptr; }

base::Result<std::string> JsonView::String(std::string_view key) const {
  const void* node = Member(key);
  if (node == nullptr) return std::string();
  const json::string* text = At(node).if_string();
  if (text == nullptr) return Bad(key, "a string");
  std::string out(text->data(), text->size());
  if (out.find('\0') != std::string::npos) return Bad(key, "free of NUL bytes");
  return out;
}

base::Result<uint64_t> JsonView::Number(std::string_view key) const {
  const void* node = Member(key);
  if (node == nullptr) return uint64_t{0};
  if (const int64_t* number = At(node).if_int64(); number != nullptr && *number >= 0)
    return static_cast<uint64_t>(*number);
  return Bad(key, "a whole number that is not negative");
}

base::Result<std::vector<std::string>> JsonView::Strings(std::string_view key) const {
  const void* node = Member(key);
  std::vector<std::string> out;
  if (node == nullptr) return out;
  const json::array* array = At(node).if_array();
  if (array == nullptr) return Bad(key, "a list");
  for (const json::value& item : *array) {
    const json::string* text = item.if_string();
    if (text == nullptr) return Bad(key, "a list of strings");
    out.emplace_back(text->data(), text->size());
    if (out.back().find('\0') != std::string::npos) return Bad(key, "free of NUL bytes");
  }
  return out;
}

base::Result<JsonView> JsonView::Object(std::string_view key) const {
  const void* node = Member(key);
  if (node != nullptr && !At(node).is_object()) return Bad(key, "an object");
  return JsonView(owner_, node, path_.empty() ? std::string(key) : path_ + "." + std::string(key));
}

base::Result<std::vector<JsonView>> JsonView::Array(std::string_view key) const {
  const void* node = Member(key);
  std::vector<JsonView> out;
  if (node == nullptr) return out;
  const json::array* array = At(node).if_array();
  if (array == nullptr) return Bad(key, "a list");
  const std::string path = path_.empty() ? std::string(key) : path_ + "." + std::string(key);
  for (const json::value& item : *array) {
    if (!item.is_object()) return Bad(key, "a list of objects");
    out.push_back(JsonView(owner_, &item, path + "[" + std::to_string(out.size()) + "]"));
  }
  return out;
}

std::vector<std::string> JsonView::Keys() const {
  std::vector<std::string> out;
  if (node_ == nullptr) return out;
  for (const auto& item : At(node_).get_object())
    out.emplace_back(item.key().data(), item.key().size());
  return out;
}

}  // namespace keelson::content
