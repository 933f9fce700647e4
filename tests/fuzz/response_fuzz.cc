// SPDX-License-Identifier: Apache-2.0
// What other servers answer: HTTP/1.1 through the passage to kubelets and pods, which is the same
// whatever the pieces it comes in, and the addresses that their redirects lead to. What is no
// answer may be refused sooner or later.
#include <string>
#include <string_view>

#include "lib/http/client/url.h"
#include "lib/http/passage/response.h"
#include "tests/fuzz/require.h"

namespace {

using keelson::fuzz::Require;
using keelson::fuzz::RequireSentence;
namespace http = keelson::http;
namespace passage = keelson::passage;

constexpr std::string_view kRefused = "refused";
constexpr std::string_view kNotWhole = "not whole";

std::string Read(std::string_view text, size_t piece, bool head_only) {
  passage::ResponseReader reader(head_only);
  std::string body;
  for (size_t at = 0; at < text.size(); at += piece) {
    const auto status = reader.Put(text.substr(at, piece), body);
    if (!status.ok()) {
      RequireSentence(status.error().message());
      return std::string(kRefused);
    }
  }
  std::string seen;
  if (reader.has_head()) {
    const passage::Head head = reader.head();
    Require(head.status >= 100 && head.status <= 999, "a status of other than three digits", text);
    seen = std::to_string(head.status);
    for (const auto& [name, value] : head.headers) {
      Require((name + value).find_first_of("\r\n") == std::string::npos, "a header of two lines",
              name + value);
      seen.append("\n" + name + ": ").append(value);
    }
  }
  seen += "\n" + body;
  if (reader.whole()) return seen + "\nwhole, then: " + reader.rest();
  return seen + (reader.PutEnd() ? "\nended" : "\n") + std::string(kNotWhole);
}

bool SameAnswer(const std::string& a, const std::string& b) {
  return a == b || (a == kRefused && b.ends_with(kNotWhole)) ||
         (b == kRefused && a.ends_with(kNotWhole));
}

void CheckUrl(std::string_view text) {
  const auto url = http::ParseUrl(text);
  if (!url.ok()) return RequireSentence(url.error().message());
  Require(url->scheme == "http" || url->scheme == "https", "another scheme", url->scheme);
  Require(!url->host.empty() && url->path.starts_with('/'), "no host or no path", text);
  Require(url->host.find_first_of("/@?#\\") == std::string::npos, "a host with more in it",
          url->host);
  const auto again = http::ParseUrl(url->Origin() + url->path);
  Require(again.ok() && again->Origin() == url->Origin() && again->path == url->path,
          "an address reads as another", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const bool head_only : {false, true}) {
    const std::string whole = Read(text, size, head_only);
    for (const size_t piece : {1, 7})
      Require(SameAnswer(Read(text, piece, head_only), whole), "pieces change an answer", text);
  }
  CheckUrl(text);
  for (const char* from : {"https://registry.example:5000/v2/a/b?c=d", "http://127.0.0.1/"}) {
    const auto to = http::ResolveUrl(from, text);
    if (!to.ok()) {
      RequireSentence(to.error().message());
      continue;
    }
    Require(http::ParseUrl(*to).ok(), "a redirect leads nowhere", *to);
  }
  return 0;
}
