// SPDX-License-Identifier: Apache-2.0
// What clients of our HTTP servers send: requests of HTTP/1.1, which mean the same whatever the
// pieces they come in (what is none may be refused sooner or later), and their targets, of which a
// path, a query and the attributes that are authorized are made.
#include <memory>
#include <string>
#include <string_view>

#include "lib/http/server/message.h"
#include "lib/http/service/message.h"
#include "minimal-master/auth/attributes.h"
#include "tests/fuzz/require.h"

namespace {

namespace auth = keelson::auth;
namespace http = keelson::http;
namespace service = keelson::service;
using keelson::fuzz::Require;
using keelson::fuzz::RequireSentence;

// All requests in `text`, each with an empty line of ours behind it.
std::string Read(std::string_view text, size_t piece) {
  std::string seen;
  std::string buffer;
  auto parser = std::make_unique<http::RequestParser>(1024, 1024);
  for (size_t at = 0; at < text.size(); at += piece) {
    buffer += text.substr(at, piece);
    while (!buffer.empty()) {
      const auto done = parser->Feed(buffer);
      if (!done.ok()) {
        RequireSentence(done.error().message());
        return seen;
      }
      if (!*done) break;
      const http::Request& request = parser->request();
      seen += request.method + " " + request.path;
      for (const auto& [name, value] : request.query) seen.append(" ?").append(name + "=" + value);
      for (const auto& [name, value] : request.headers) {
        Require((name + value).find_first_of("\r\n") == std::string::npos, "a header of two lines",
                name + value);
        seen.append("\n" + name + ": ").append(value);
      }
      seen += "\n" + request.body + (parser->keep_alive() ? "\nkept\n\n" : "\n\n");
      parser = std::make_unique<http::RequestParser>(1024, 1024);
    }
  }
  (void)parser->wants_continue();
  return seen;
}

void CheckTarget(std::string_view target) {
  http::Request small;
  const auto status = http::ParseTarget(target, small);
  if (!status.ok()) RequireSentence(status.error().message());
  service::Request request;
  request.target = target;
  if (!service::ParseTarget(request)) return;
  Require(request.path.starts_with('/'), "a path without a beginning", request.path);
  for (const char* method : {"GET", "POST", "DELETE"}) {
    const auth::Attributes wanted = auth::ReadAttributes(method, request.raw_path(), request.query);
    Require(!wanted.verb.empty(), "nothing is wanted", target);
    RequireSentence(auth::ForbiddenText(wanted, "why"));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string whole = Read(text, size);
  for (const size_t piece : {1, 7}) {
    Require(Read(text, piece) == whole, "pieces change a request", text);
  }
  CheckTarget(text);
  const size_t line = text.find("\r\n");
  const size_t space = text.find(' ');
  if (space < line) CheckTarget(text.substr(space + 1, text.find(' ', space + 1) - space - 1));
  return 0;
}
