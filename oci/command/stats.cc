// SPDX-License-Identifier: Apache-2.0
#include "oci/command/stats.h"

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::oci {

using base::Result;
using json::Value;

namespace {

std::string Read(const std::string& path) {
  const Result<std::string> text = os::ReadFile(path, 4096);
  return text.ok() ? std::string(base::Trim(*text)) : "";
}

Value Number(const std::string& path) {
  return Value(static_cast<int64_t>(base::ParseUint64(Read(path)).value_or(0)));
}

// "max 3" → 3
Value Refused(const std::string& events) {
  for (const std::string_view line : base::Split(std::string_view(events), '\n')) {
    if (line.starts_with("max "))
      return Value(static_cast<int64_t>(base::ParseUint64(line.substr(4)).value_or(0)));
  }
  return Value(0);
}

}  // namespace

Value PressureText(std::string_view file) {
  Value out;
  for (const std::string_view line : base::Split(file, '\n')) {
    const std::vector<std::string_view> words = base::Split(line, ' ');
    if (words.size() < 2 || (words[0] != "some" && words[0] != "full")) continue;
    Value kind = Value::Object();
    for (size_t i = 1; i < words.size(); ++i) {
      const size_t equals = words[i].find('=');
      if (equals == std::string_view::npos) continue;
      const std::string name(words[i].substr(0, equals)), number(words[i].substr(equals + 1));
      kind.Set(name, name == "total"
                         ? Value(static_cast<int64_t>(base::ParseUint64(number).value_or(0)))
                         : Value(std::strtod(number.c_str(), nullptr)));
    }
    if (out.IsNull()) out = Value::Object();
    out.Set(std::string(words[0]), std::move(kind));
  }
  return out;
}

void MoreStats(const std::string& directory, bool v2, Value& data) {
  if (directory.empty()) return;
  const std::string usage = v2 ? ".current" : ".usage_in_bytes";
  Value hugepages = Value::Object();
  if (const auto entries = os::ListDir(directory); entries.ok()) {
    for (const os::DirEntry& entry : *entries) {
      const std::string& name = entry.name;
      if (!name.starts_with("hugetlb.") || !name.ends_with(usage)) continue;
      const std::string size = name.substr(8, name.size() - 8 - usage.size());
      if (size.find('.') != std::string::npos) continue;  // of what is reserved alone
      const std::string file = directory + "/hugetlb." + size;
      Value one = Value::Object();
      one.Set("usage", Number(file + usage));
      if (!v2) one.Set("max", Number(file + ".max_usage_in_bytes"));
      one.Set("failcnt", v2 ? Refused(Read(file + ".events")) : Number(file + ".failcnt"));
      hugepages.Set(size, std::move(one));
    }
  }
  if (!hugepages.members().empty()) data.Set("hugetlb", std::move(hugepages));
  if (!v2) return;
  for (const auto& [file, part] :
       {std::pair("cpu", "cpu"), std::pair("memory", "memory"), std::pair("io", "blkio")}) {
    Value pressure = PressureText(Read(directory + "/" + file + ".pressure"));
    if (pressure.IsNull()) continue;
    Value* place = data.Find(part);
    if (place != nullptr) place->Set("psi", std::move(pressure));
  }
}

}  // namespace keelson::oci
