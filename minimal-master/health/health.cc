// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/health/health.h"

#include <fmt/format.h>

#include <set>

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/json/text.h"

namespace keelson::health {
namespace {

constexpr std::string_view kPages[] = {"healthz", "livez", "readyz"};

bool IsPart(const Check& check, std::string_view page) { return check.live || page == "readyz"; }

api::Answer Text(int code, std::string text) {
  api::Answer answer = api::PlainText(code, std::move(text));
  answer.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return answer;
}

}  // namespace

std::optional<api::Answer> Health::Page(std::string_view path, const service::Fields& query) const {
  for (const std::string_view page : kPages) {
    std::string_view rest = path;
    if (!rest.starts_with('/') || !rest.substr(1).starts_with(page)) continue;
    rest.remove_prefix(1 + page.size());
    if (rest.empty()) return All(page, query);
    if (rest.front() != '/') continue;
    for (const Check& check : checks_) {
      if (!IsPart(check, page) || check.name != rest.substr(1)) continue;
      const base::Status status = check.run();
      if (status.ok()) return api::PlainText(200, "ok");
      return Text(
          500, fmt::format("internal server error: {}\n", std::string(status.error().message())));
    }
  }
  return std::nullopt;
}

api::Answer Health::All(std::string_view page, const service::Fields& query) const {
  std::set<std::string> excluded;
  for (const auto& [key, value] : query) {
    if (key == "exclude") excluded.insert(value);
  }
  std::string text;
  bool good = true;
  for (const Check& check : checks_) {
    if (!IsPart(check, page)) continue;
    if (excluded.erase(check.name) != 0) {
      text += fmt::format("[+]{} excluded: ok\n", check.name);
      continue;
    }
    const base::Status status = check.run();
    if (status.ok()) {
      text += fmt::format("[+]{} ok\n", check.name);
      continue;
    }
    good = false;
    // Everybody may read this: the reason is for the log, and for those who may ask for the check.
    text += fmt::format("[-]{} failed: reason withheld\n", check.name);
    base::LogInfo("a health check failed",
                  {{"page", std::string(page)}, {"check", check.name}, {"error", status.error()}});
  }
  if (!excluded.empty()) {
    std::vector<std::string> names;
    for (const std::string& name : excluded) names.push_back(json::Quote(name));
    text += fmt::format("warn: some health checks cannot be excluded: no matches for {}\n",
                        base::Join(names, ", "));
  }
  if (!good) return Text(500, fmt::format("{}{} check failed\n", text, page));
  if (service::FindField(query, "verbose") == nullptr) return Text(200, "ok");
  return Text(200, fmt::format("{}{} check passed\n", text, page));
}

}  // namespace keelson::health
