// SPDX-License-Identifier: Apache-2.0
#include "runtime/fetch/challenge.h"

#include <string_view>

#include "lib/base/strings.h"

namespace keelson::fetch {
namespace {

constexpr size_t kMaxParameters = 32;

bool IsTokenCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  void SkipSpaces() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t')) rest_.remove_prefix(1);
  }
  void SkipCommas() {
    SkipSpaces();
    while (Take(',')) SkipSpaces();
  }
  bool Take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string Token() {
    size_t n = 0;
    while (n < rest_.size() && IsTokenCharacter(rest_[n])) ++n;
    std::string out(rest_.substr(0, n));
    rest_.remove_prefix(n);
    return out;
  }
  bool Value(std::string* out) {
    if (!Take('"')) {
      *out = Token();
      return !out->empty();
    }
    while (!rest_.empty() && rest_[0] != '"') {
      if (rest_[0] == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      *out += rest_[0];
      rest_.remove_prefix(1);
    }
    return Take('"');
  }
  bool AtEnd() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

void ParseOne(std::string_view header, std::vector<Challenge>* out) {
  Scanner scan(header);
  std::string word;
  for (scan.SkipCommas(); !scan.AtEnd(); scan.SkipCommas()) {
    word = scan.Token();
    if (word.empty()) return;
    scan.SkipSpaces();
    if (!scan.Take('=')) {  // not a parameter: the next scheme
      out->push_back({base::ToLower(word), {}});
      continue;
    }
    scan.SkipSpaces();
    std::string value;
    if (out->empty() || !scan.Value(&value) || out->back().parameters.size() == kMaxParameters)
      return;
    out->back().parameters.emplace(base::ToLower(word), std::move(value));
  }
}

}  // namespace

std::vector<Challenge> ParseChallenges(const std::vector<std::string>& headers) {
  std::vector<Challenge> out;
  for (const std::string& header : headers) ParseOne(header, &out);
  return out;
}

}  // namespace keelson::fetch
