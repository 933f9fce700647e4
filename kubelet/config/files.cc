// SPDX-License-Identifier: Apache-2.0
// Where the configuration comes from: a file and a folder of later ones.
#include <algorithm>

#include "kubelet/config/config.h"
#include "lib/os/files.h"

namespace keelson::config {

using json::Value;

namespace {

base::Result<Value> ReadDocument(const std::string& path) {
  const auto read = [&]() -> base::Result<Value> {
    ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path));
    return json::ParseYaml(text);
  };
  return read().WithContext(path);
}

void Merge(Value& into, const Value& later) {
  for (const auto& [name, value] : later.members()) {
    if (Value* present = into.Find(name);
        present != nullptr && present->IsObject() && value.IsObject()) {
      Merge(*present, value);
    } else {
      into.Set(name, value);
    }
  }
}

}  // namespace

base::Result<KubeletConfig> ReadConfig(const std::string& path) { return ReadConfig(path, ""); }

base::Result<KubeletConfig> ReadConfig(const std::string& path, const std::string& drop_ins) {
  std::vector<std::string> files;
  if (!drop_ins.empty()) {
    ASSIGN_OR_RETURN(const std::vector<os::DirEntry> entries, os::ListDir(drop_ins));
    for (const os::DirEntry& entry : entries) {
      if (entry.name.ends_with(".conf") && !entry.name.starts_with("."))
        files.push_back(drop_ins + "/" + entry.name);
    }
    std::sort(files.begin(), files.end());
  }
  if (!path.empty()) files.insert(files.begin(), path);
  if (files.empty()) return KubeletConfig();
  Value all;
  std::vector<Value> documents;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(documents.emplace_back(), ReadDocument(file));
    if (documents.size() == 1) all = documents.front();
    if (documents.size() > 1 && all.IsObject()) Merge(all, documents.back());
  }
  base::Result<KubeletConfig> together = ParseConfig(all);
  // What is wrong with one alone is told of that one. A folder's file that is right only beside the
  // others is right.
  for (size_t i = 0; i < files.size(); ++i) {
    const Value& document = documents[i];
    if (!document.IsObject() || document.At({"kind"}) != all.At({"kind"}) ||
        document.At({"apiVersion"}) != all.At({"apiVersion"}) || !together.ok()) {
      if (base::Result<KubeletConfig> alone = ParseConfig(document); !alone.ok())
        return std::move(alone).WithContext(files[i]);
    }
  }
  return std::move(together).WithContext(path.empty() ? drop_ins : path);
}

}  // namespace keelson::config
