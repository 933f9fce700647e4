// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/fsck/fsck.h"
#include "cli/table.h"

namespace keelson::cli {

using inventory::Item;
using inventory::Report;

namespace {

constexpr char kNobody[] = "nobody";

std::string WhatHappens(const Item& item) {
  if (item.mended) return "mended: " + item.remedy;
  if (!item.refused.empty()) return item.refused;
  return item.remedy.empty() ? "" : "--mend: " + item.remedy;
}

std::string Taken(uint64_t bytes) { return bytes == 0 ? "-" : FormatBytes(bytes); }

struct Sum {
  uint64_t things = 0, bytes = 0;
};

}  // namespace

std::string FsckText(const std::vector<Report>& reports, bool all) {
  Table problems({"KIND", "THING", "SIZE", "OWNER", "PROBLEM", "REMEDY"});
  Table owned({"KIND", "THING", "SIZE", "OWNER"});
  std::map<std::string, Sum> sums;
  Sum wrong, total;
  size_t mended = 0;
  for (const Report& report : reports) {
    for (const Item& item : report.items) {
      const std::string owner = item.owner.empty() ? kNobody : item.owner;
      ++total.things;
      total.bytes += item.bytes;
      if (!item.mended) {
        ++sums[owner].things;
        sums[owner].bytes += item.bytes;
      }
      if (item.problem.empty()) {
        owned.Add({item.kind, item.thing, Taken(item.bytes), owner});
        continue;
      }
      problems.Add(
          {item.kind, item.thing, Taken(item.bytes), owner, item.problem, WhatHappens(item)});
      item.mended ? ++mended : ++wrong.things;
      if (!item.mended) wrong.bytes += item.bytes;
    }
  }
  std::string text;
  if (all && !owned.empty()) text += owned.Text() + "\n";
  if (!problems.empty()) text += problems.Text() + "\n";
  std::vector<std::pair<std::string, Sum>> by_size(sums.begin(), sums.end());
  std::stable_sort(by_size.begin(), by_size.end(),
                   [](const auto& a, const auto& b) { return a.second.bytes > b.second.bytes; });
  Table owners({"OWNER", "THINGS", "SIZE"});
  for (const auto& [owner, sum] : by_size)
    owners.Add({owner, std::to_string(sum.things), Taken(sum.bytes)});
  if (!owners.empty()) text += owners.Text() + "\n";
  text += fmt::format("{} things, {}: ", total.things, FormatBytes(total.bytes));
  text += wrong.things == 0 ? "each has an owner and is whole"
                            : fmt::format("something is wrong with {}, {}", wrong.things,
                                          FormatBytes(wrong.bytes));
  if (mended > 0) text += fmt::format("; {} mended", mended);
  return text + "\n";
}

std::string FsckJson(const std::vector<Report>& reports) {
  json::Value list = json::Value::Array();
  for (const Report& report : reports) list.Append(inventory::ToJson(report));
  return json::WriteJson(json::Value::Object({{"reports", std::move(list)}}), true) + "\n";
}

}  // namespace keelson::cli
