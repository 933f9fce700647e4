// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/cdi.h"

#include <algorithm>
#include <set>

#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "lib/os/files.h"

namespace keelson::container {

using base::Result;
using base::Status;
using json::Value;

namespace {

constexpr size_t kMostFiles = 256;
constexpr size_t kMostEntries = 1024;  // of any list
constexpr json::Limits kLimits{.bytes = 1u << 20, .depth = 16, .values = 50000};
constexpr std::string_view kVersions[] = {"0.3.0", "0.4.0", "0.5.0", "0.6.0",
                                          "0.7.0", "0.8.0", "1.0.0", "1.1.0"};

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsAlphanumeric(char c) { return IsLetter(c) || (c >= '0' && c <= '9'); }

bool IsName(std::string_view text, std::string_view more, bool letter_first) {
  if (text.empty() || text.size() > 253) return false;
  if (letter_first ? !IsLetter(text.front()) : !IsAlphanumeric(text.front())) return false;
  return IsAlphanumeric(text.back()) && std::all_of(text.begin(), text.end(), [&](char c) {
           return IsAlphanumeric(c) || more.find(c) != std::string_view::npos;
         });
}

Status CheckKind(std::string_view kind) {
  const size_t slash = kind.find('/');
  if (slash != std::string_view::npos && IsName(kind.substr(0, slash), "-_.", true) &&
      IsName(kind.substr(slash + 1), "-_", true))
    return base::Ok();
  return base::InvalidArgument("kind: {} is not of the form vendor.com/class",
                               base::QuoteIfNeeded(kind.substr(0, 200)));
}

// One object whose members are all known.
class Object {
 public:
  Object(const Value& value, std::string where) : value_(value), where_(std::move(where)) {}
  Status Check(std::initializer_list<std::string_view> known) const {
    if (!value_.IsObject()) return base::InvalidArgument("{}: must be an object", where_);
    for (const auto& [key, member] : value_.members()) {
      if (std::find(known.begin(), known.end(), key) == known.end())
        return base::InvalidArgument("{}: {} is not known", where_,
                                     base::QuoteIfNeeded(key.substr(0, 100)));
    }
    return base::Ok();
  }
  // Absent and null are empty.
  Result<std::string> Text(std::string_view key) const {
    const Value* found = value_.Find(key);
    if (found == nullptr || found->IsNull()) return std::string();
    if (!found->IsString() || base::ContainsControlCharacter(found->AsString()) ||
        found->AsString().size() > 65536)
      return base::InvalidArgument("{}.{}: must be a plain text", where_, key);
    return found->AsString();
  }
  Result<std::optional<uint32_t>> Number(std::string_view key) const {
    const Value* found = value_.Find(key);
    if (found == nullptr || found->IsNull()) return std::optional<uint32_t>();
    if (!found->IsInt() || found->AsInt() < 0 || found->AsInt() >= 0xffffffffll)
      return base::InvalidArgument("{}.{}: must be a number", where_, key);
    return std::optional<uint32_t>(static_cast<uint32_t>(found->AsInt()));
  }
  Result<const std::vector<Value>*> Items(std::string_view key) const {
    static const std::vector<Value> kNone;
    const Value* found = value_.Find(key);
    if (found == nullptr || found->IsNull()) return &kNone;
    if (!found->IsArray()) return base::InvalidArgument("{}.{}: must be a list", where_, key);
    if (found->items().size() > kMostEntries)
      return base::InvalidArgument("{}.{}: more than {} entries", where_, key, kMostEntries);
    return &found->items();
  }
  Result<std::vector<std::string>> Texts(std::string_view key) const {
    ASSIGN_OR_RETURN(const std::vector<Value>* items, Items(key));
    std::vector<std::string> out;
    for (const Value& item : *items) {
      if (!item.IsString() || base::ContainsControlCharacter(item.AsString()))
        return base::InvalidArgument("{}.{}: must be plain texts", where_, key);
      out.push_back(item.AsString());
    }
    return out;
  }
  const std::string& where() const { return where_; }

 private:
  const Value& value_;
  std::string where_;
};

Status CheckPath(const std::string& path, const std::string& where) {
  if (path.starts_with('/') && path.size() > 1 && path.size() < 4096) return base::Ok();
  return base::InvalidArgument("{}: {} must be an absolute path", where,
                               base::QuoteIfNeeded(path.substr(0, 200)));
}

Result<CdiDevice> ParseNode(const Value& value, const std::string& where) {
  const Object node(value, where);
  RETURN_IF_ERROR(node.Check(
      {"path", "hostPath", "type", "major", "minor", "fileMode", "permissions", "uid", "gid"}));
  CdiDevice device;
  ASSIGN_OR_RETURN(device.path, node.Text("path"));
  RETURN_IF_ERROR(CheckPath(device.path, where + ".path"));
  ASSIGN_OR_RETURN(device.host_path, node.Text("hostPath"));
  if (device.host_path.empty()) device.host_path = device.path;
  RETURN_IF_ERROR(CheckPath(device.host_path, where + ".hostPath"));
  // The number itself is the host device's: what a file says of it could be another machine's.
  ASSIGN_OR_RETURN(const std::string type, node.Text("type"));
  if (!type.empty() && type != "b" && type != "c" && type != "u")
    return base::InvalidArgument("{}.type: '{}' is none of b, c, u", where, type.substr(0, 20));
  for (const char* unused : {"major", "minor"}) {
    if (const auto number = node.Number(unused); !number.ok()) return number.error();
  }
  ASSIGN_OR_RETURN(device.file_mode, node.Number("fileMode"));
  if (device.file_mode && *device.file_mode > 0777)
    return base::InvalidArgument("{}.fileMode: {:o} is no mode of a device", where,
                                 *device.file_mode);
  ASSIGN_OR_RETURN(device.uid, node.Number("uid"));
  ASSIGN_OR_RETURN(device.gid, node.Number("gid"));
  ASSIGN_OR_RETURN(const std::string permissions, node.Text("permissions"));
  if (permissions.find_first_not_of("rwm") != std::string::npos || permissions.size() > 3)
    return base::InvalidArgument("{}.permissions: may hold r, w and m only", where);
  if (!permissions.empty()) device.permissions = permissions;
  return device;
}

Result<CdiMount> ParseMount(const Value& value, const std::string& where) {
  const Object object(value, where);
  RETURN_IF_ERROR(object.Check({"hostPath", "containerPath", "options", "type"}));
  CdiMount mount;
  ASSIGN_OR_RETURN(mount.host_path, object.Text("hostPath"));
  RETURN_IF_ERROR(CheckPath(mount.host_path, where + ".hostPath"));
  ASSIGN_OR_RETURN(mount.container_path, object.Text("containerPath"));
  RETURN_IF_ERROR(CheckPath(mount.container_path, where + ".containerPath"));
  ASSIGN_OR_RETURN(mount.options, object.Texts("options"));
  static constexpr std::string_view kOptions[] = {"bind",  "rbind",  "ro",      "rw",      "nosuid",
                                                  "nodev", "noexec", "private", "rprivate"};
  for (const std::string& option : mount.options) {
    if (std::find(std::begin(kOptions), std::end(kOptions), option) == std::end(kOptions))
      return base::InvalidArgument("{}.options: {} is not supported", where,
                                   base::QuoteIfNeeded(option.substr(0, 100)));
  }
  ASSIGN_OR_RETURN(const std::string type, object.Text("type"));
  if (!type.empty() && type != "bind" && type != "none")
    return base::InvalidArgument("{}.type: '{}' is no bind mount", where, type.substr(0, 100));
  return mount;
}

Result<CdiEdits> ParseEdits(const Value* value, const std::string& where) {
  CdiEdits edits;
  if (value == nullptr || value->IsNull()) return edits;
  const Object object(*value, where);
  RETURN_IF_ERROR(object.Check(
      {"env", "deviceNodes", "netDevices", "mounts", "hooks", "intelRdt", "additionalGids"}));
  ASSIGN_OR_RETURN(edits.env, object.Texts("env"));
  for (const std::string& line : edits.env) {
    if (line.find('=') == std::string::npos || line.starts_with('='))
      return base::InvalidArgument("{}.env: {} is not NAME=value", where,
                                   base::QuoteIfNeeded(line.substr(0, 100)));
  }
  ASSIGN_OR_RETURN(const std::vector<Value>* nodes, object.Items("deviceNodes"));
  for (const Value& node : *nodes) {
    ASSIGN_OR_RETURN(CdiDevice device, ParseNode(node, fmt::format("{}.deviceNodes[{}]", where,
                                                                   edits.devices.size())));
    edits.devices.push_back(std::move(device));
  }
  ASSIGN_OR_RETURN(const std::vector<Value>* mounts, object.Items("mounts"));
  for (const Value& item : *mounts) {
    ASSIGN_OR_RETURN(CdiMount mount,
                     ParseMount(item, fmt::format("{}.mounts[{}]", where, edits.mounts.size())));
    edits.mounts.push_back(std::move(mount));
  }
  ASSIGN_OR_RETURN(const std::vector<Value>* groups, object.Items("additionalGids"));
  for (const Value& group : *groups) {
    if (!group.IsInt() || group.AsInt() < 0 || group.AsInt() >= 0xffffffffll)
      return base::InvalidArgument("{}.additionalGids: must be numbers of groups", where);
    if (group.AsInt() != 0) edits.groups.push_back(static_cast<uint32_t>(group.AsInt()));
  }
  // A device that needs them would not work without: said instead of left out.
  ASSIGN_OR_RETURN(const std::vector<Value>* hooks, object.Items("hooks"));
  if (!hooks->empty())
    return base::Unimplemented("{}.hooks: this runtime runs no hooks on the host", where);
  ASSIGN_OR_RETURN(const std::vector<Value>* links, object.Items("netDevices"));
  if (!links->empty())
    return base::Unimplemented("{}.netDevices: network links are not moved", where);
  if (const Value* rdt = value->Find("intelRdt"); rdt != nullptr && !rdt->IsNull())
    return base::Unimplemented("{}.intelRdt: no RDT classes are set", where);
  return edits;
}

void Append(const CdiEdits& from, CdiEdits& to) {
  to.env.insert(to.env.end(), from.env.begin(), from.env.end());
  to.devices.insert(to.devices.end(), from.devices.begin(), from.devices.end());
  to.mounts.insert(to.mounts.end(), from.mounts.begin(), from.mounts.end());
  to.groups.insert(to.groups.end(), from.groups.begin(), from.groups.end());
}

}  // namespace

Result<CdiSpec> ParseCdiSpec(std::string_view text) {
  // YAML holds JSON; only JSON's own reader is as strict as JSON.
  const bool is_json = base::Trim(text).starts_with('{');
  ASSIGN_OR_RETURN(const Value document,
                   is_json ? json::ParseJson(text, kLimits) : json::ParseYaml(text, kLimits));
  const Object top(document, "spec");
  RETURN_IF_ERROR(top.Check({"cdiVersion", "kind", "annotations", "devices", "containerEdits"}));
  ASSIGN_OR_RETURN(const std::string version, top.Text("cdiVersion"));
  if (std::find(std::begin(kVersions), std::end(kVersions),
                version.starts_with('v') ? version.substr(1) : version) == std::end(kVersions))
    return base::InvalidArgument("cdiVersion: {} is none that is known here",
                                 base::QuoteIfNeeded(version.substr(0, 100)));
  CdiSpec spec;
  ASSIGN_OR_RETURN(spec.kind, top.Text("kind"));
  RETURN_IF_ERROR(CheckKind(spec.kind));
  ASSIGN_OR_RETURN(spec.edits, ParseEdits(document.Find("containerEdits"), "containerEdits"));
  ASSIGN_OR_RETURN(const std::vector<Value>* devices, top.Items("devices"));
  for (const Value& item : *devices) {
    const std::string where = fmt::format("devices[{}]", spec.devices.size());
    const Object device(item, where);
    RETURN_IF_ERROR(device.Check({"name", "annotations", "containerEdits"}));
    ASSIGN_OR_RETURN(const std::string name, device.Text("name"));
    if (!IsName(name, "-_.:", false))
      return base::InvalidArgument("{}.name: {} is no name of a device", where,
                                   base::QuoteIfNeeded(name.substr(0, 100)));
    ASSIGN_OR_RETURN(CdiEdits edits,
                     ParseEdits(item.Find("containerEdits"), where + ".containerEdits"));
    if (!spec.devices.emplace(name, std::move(edits)).second)
      return base::InvalidArgument("{}.name: '{}' is there twice", where, name);
  }
  if (spec.devices.empty()) return base::InvalidArgument("devices: there is none");
  return spec;
}

Result<std::pair<std::string, std::string>> ParseCdiName(std::string_view name) {
  const size_t equals = name.find('=');
  if (equals != std::string_view::npos && CheckKind(name.substr(0, equals)).ok() &&
      IsName(name.substr(equals + 1), "-_.:", false))
    return std::pair(std::string(name.substr(0, equals)), std::string(name.substr(equals + 1)));
  return base::InvalidArgument("CDI_devices: {} is not of the form vendor.com/class=device",
                               base::QuoteIfNeeded(name.substr(0, 200)));
}

Result<CdiEdits> ResolveCdi(const std::vector<std::string>& dirs,
                            const std::vector<std::string>& names) {
  struct Place {
    std::string file;
    size_t dir = 0;
    CdiEdits common, own;
    std::string twice;  // another file of the same directory
  };
  std::map<std::string, Place> wanted;
  std::set<std::string> kinds;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const auto parts, ParseCdiName(name));
    kinds.insert(parts.first);
    wanted[name];
  }
  std::string bad;  // what could not be read: the reason why a device may be missing
  for (size_t dir = 0; dir < dirs.size(); ++dir) {
    const Result<std::vector<os::DirEntry>> entries = os::ListDir(dirs[dir]);
    if (!entries.ok()) continue;  // most machines have none
    size_t files = 0;
    for (const os::DirEntry& entry : *entries) {
      if (!entry.name.ends_with(".json") && !entry.name.ends_with(".yaml")) continue;
      if (++files > kMostFiles)
        return base::ResourceExhausted("'{}' holds more than {} files", dirs[dir], kMostFiles);
      const std::string path = dirs[dir] + "/" + entry.name;
      const Result<std::string> text = os::ReadFile(path, kLimits.bytes);
      const Result<CdiSpec> spec = text.ok() ? ParseCdiSpec(*text) : Result<CdiSpec>(text.error());
      if (!spec.ok()) {
        bad += fmt::format("; {}: {}", path, spec.error().message());
        base::LogWarn("a CDI file cannot be used", {{"file", path}, {"error", spec.error()}});
        continue;
      }
      if (!kinds.contains(spec->kind)) continue;
      for (const auto& [device, edits] : spec->devices) {
        const auto found = wanted.find(spec->kind + "=" + device);
        if (found == wanted.end()) continue;
        Place& place = found->second;
        if (!place.file.empty() && place.dir == dir) {
          place.twice = path;
        } else {
          place = {path, dir, spec->edits, edits, ""};
        }
      }
    }
  }
  CdiEdits out;
  std::set<std::string> commons;  // once a file
  for (const std::string& name : names) {
    const auto found = wanted.find(name);
    if (found == wanted.end()) continue;  // named twice
    const Place& place = found->second;
    if (place.file.empty())
      return base::NotFound("CDI_devices: '{}' is in none of {}{}", name, base::Join(dirs, ", "),
                            bad.substr(0, 2000));
    if (!place.twice.empty())
      return base::FailedPrecondition("CDI_devices: '{}' is in both {} and {}", name, place.file,
                                      place.twice);
    if (commons.insert(place.file).second) Append(place.common, out);
    Append(place.own, out);
    wanted.erase(found);
  }
  return out;
}

std::string EncodeForExec(const CdiEdits& edits) {
  base::Writer w;
  w.Strings(edits.env);
  w.U32(static_cast<uint32_t>(edits.groups.size()));
  for (const uint32_t group : edits.groups) w.U32(group);
  return w.Take();
}

Result<CdiEdits> DecodeForExec(std::string_view bytes) {
  base::Reader r(bytes);
  CdiEdits edits;
  edits.env = r.Strings();
  for (uint32_t n = r.Count(4); n > 0; --n) edits.groups.push_back(r.U32());
  if (!r.ok()) return base::DataLoss("the record of CDI devices is malformed");
  return edits;
}

}  // namespace keelson::container
