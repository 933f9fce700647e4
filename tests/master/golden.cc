// SPDX-License-Identifier: Apache-2.0
// Reads the recordings.
#include "tests/master/golden.h"

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "lib/base/testing/places.h"

namespace keelson::golden {
namespace {

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "tests/data/golden: %s\n", message.c_str());
  std::abort();
}

std::string DecodeBase64(std::string_view text) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) break;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xff);
    }
  }
  return out;
}

// "<x*1200000>" stands for so many letters.
std::string Unfold(std::string text) {
  size_t at = 0;
  while ((at = text.find('<', at)) != std::string::npos) {
    const size_t close = text.find('>', at);
    if (close == std::string::npos) break;
    const size_t star = at + 2;
    if (star < close && text[star] == '*' && star + 1 < close) {
      char* end = nullptr;
      const unsigned long count = std::strtoul(text.c_str() + star + 1, &end, 10);
      if (end == text.c_str() + close) {
        text.replace(at, close - at + 1, std::string(count, text[at + 1]));
        at += count;
        continue;
      }
    }
    ++at;
  }
  return text;
}

std::vector<std::string> Strings(const json::Value& list) {
  std::vector<std::string> out;
  for (const json::Value& each : list.items()) out.push_back(each.AsString());
  return out;
}

Answer ReadAnswer(const json::Value& recorded) {
  return {.code = static_cast<int>(recorded.At({"code"}).AsInt()),
          .body = recorded.At({"body"}),
          .warnings = Strings(recorded.At({"warnings"}))};
}

}  // namespace

const json::Value& File(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, json::Value> files;
  const std::lock_guard lock(mutex);
  const auto found = files.find(name);
  if (found != files.end()) return found->second;
  const std::string path = base::SourceDir() + "/tests/data/golden/" + name + ".json";
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  auto value = json::ParseJson(
      text.str(), {.bytes = size_t{64} << 20, .depth = 500, .values = size_t{10} * 1000 * 1000});
  if (!value.ok()) Die(path + ": " + value.error().message());
  return files.emplace(name, std::move(*value)).first->second;
}

Request ReadRequest(const json::Value& recorded) {
  Request request;
  request.method = recorded.At({"method"}).AsString();
  if (request.method.empty()) request.method = "POST";
  request.path = recorded.At({"path"}).AsString();
  if (const json::Value* type = recorded.Find("contentType"))
    request.content_type = type->AsString();
  request.accept = recorded.At({"accept"}).AsString();
  for (const auto& [name, value] : recorded.At({"headers"}).members())
    request.headers.emplace_back(name, value.AsString());
  request.client_certificate = !recorded.At({"noClientCert"}).AsBool();
  if (const json::Value* raw = recorded.Find("raw")) {
    request.has_body = true;
    request.body =
        raw->IsObject() ? DecodeBase64(raw->At({"base64"}).AsString()) : Unfold(raw->AsString());
  } else if (const json::Value* body = recorded.Find("body"); body != nullptr && !body->IsNull()) {
    request.has_body = true;
    request.value = *body;
    request.body = Unfold(json::WriteJson(*body));
  }
  return request;
}

std::vector<Request> ReadRequests(const json::Value& list) {
  std::vector<Request> out;
  for (const json::Value& each : list.items()) out.push_back(ReadRequest(each));
  return out;
}

std::vector<Request> Prelude(const std::string& file) {
  return ReadRequests(File(file).At({"prelude"}));
}

std::vector<Case> Cases(const std::string& file) {
  std::vector<Case> out;
  for (const json::Value& each : File(file).At({"cases"}).items()) {
    out.push_back({.name = each.At({"name"}).AsString(),
                   .setup = ReadRequests(each.At({"setup"})),
                   .request = ReadRequest(each.At({"request"})),
                   .answer = ReadAnswer(each.At({"response"}))});
  }
  return out;
}

std::vector<Mutation> Mutations() {
  const json::Value& file = File("errors");
  std::vector<Mutation> out;
  for (const json::Value& each : file.At({"mutations"}).items()) {
    const json::Value& op = each.At({"op"});
    const json::Value& base = file.At({"bases"}).At({each.At({"base"}).AsString()});
    Mutation m{.name = fmt::format("{} {} {} {}", each.At({"base"}).AsString(),
                                   each.At({"verb"}).AsString(), op.At({"op"}).AsString(),
                                   op.At({"path"}).AsString()),
               .base = each.At({"base"}).AsString(),
               .update = each.At({"verb"}).AsString() == "update",
               .path = base.At({"path"}).AsString(),
               .base_body = base.At({"body"}),
               .body = base.At({"body"}),
               .code = static_cast<int>(each.At({"code"}).AsInt()),
               .status = each.At({"status"}),
               .warnings = Strings(each.At({"warnings"}))};
    if (!ApplyOperation(m.body, op)) Die("no such place: " + m.name);
    out.push_back(std::move(m));
  }
  return out;
}

}  // namespace keelson::golden
