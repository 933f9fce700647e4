// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "lib/kube/schema.h"
#include "lib/kube/validate_parts.h"

namespace keelson::kube {
namespace {

constexpr const char* kModeRule = "must be a number between 0 and 0777 (octal), both inclusive";

void ValidateMode(const Field& mode, Problems& problems) {
  if (mode.Present() && (mode.Int() < 0 || mode.Int() > 0777)) problems.Invalid(mode, kModeRule);
}

void RequireText(const Field& field, Problems& problems) {
  if (field.String().empty()) problems.Required(field);
}

void ValidateItems(const Field& items, Problems& problems) {
  for (const Field& item : items.Items()) {
    RequireText(item["key"], problems);
    RequireText(item["path"], problems);
    ValidateProjectedPath(item["path"], problems);
    ValidateMode(item["mode"], problems);
  }
}

void ValidateObjectSource(const Field& source, const char* name, Problems& problems) {
  RequireText(source[name], problems);
  ValidateMode(source["defaultMode"], problems);
  ValidateItems(source["items"], problems);
}

// Upstream blames the whole downwardAPI source, without the item's index.
void ValidateDownwardItem(const Field& item, const Field& source, Problems& problems) {
  const Field at = item.WithPath(source.path());
  RequireText(at["path"], problems);
  ValidateProjectedPath(at["path"], problems);
  if (item["fieldRef"].Present()) {
    ValidateFieldRef(at["fieldRef"], FieldRefs::kVolume, problems);
    if (item["resourceFieldRef"].Present())
      problems.InvalidText(at, "resource",
                           "fieldRef and resourceFieldRef can not be specified simultaneously");
  } else if (item["resourceFieldRef"].Present()) {
    ValidateResourceFieldRef(at["resourceFieldRef"], FieldRefs::kVolume, problems);
  } else {
    problems.Required(at, "one of fieldRef and resourceFieldRef is required");
  }
  ValidateMode(at["mode"], problems);
}

void ValidateToken(const Field& token, Problems& problems) {
  const Field seconds = token["expirationSeconds"];
  if (seconds.Present() && seconds.Int() < 600)
    problems.Invalid(seconds, "may not specify a duration less than 10 minutes");
  if (seconds.Int() > int64_t{1} << 32)
    problems.Invalid(seconds, "may not specify a duration larger than 2^32 seconds");
  RequireText(token["path"], problems);
  ValidateProjectedPath(token["path"], problems);
}

void ValidateProjected(const Field& volume, Problems& problems) {
  ValidateMode(volume["defaultMode"], problems);
  std::set<std::string> paths;
  const auto claim = [&](const Field& item, std::string_view shown) {
    const std::string& path = item["path"].String();
    if (!path.empty() && !paths.insert(path).second)
      problems.InvalidText(item.WithPath(volume.path()), shown, "conflicting duplicate paths");
  };
  for (const Field& source : volume["sources"].Items()) {
    int kinds = 0;
    for (const std::string_view kind : {"secret", "configMap", "downwardAPI", "serviceAccountToken",
                                        "clusterTrustBundle", "podCertificate"}) {
      const Field at = source[kind];
      if (!at.Present()) continue;
      if (kinds++ > 0) {
        problems.Forbidden(at, "may not specify more than 1 volume type per source");
        continue;
      }
      if (kind == "secret" || kind == "configMap") {
        RequireText(at["name"], problems);
        ValidateItems(at["items"], problems);
        for (const Field& item : at["items"].Items()) claim(item, at["name"].String());
      } else if (kind == "downwardAPI") {
        for (const Field& item : at["items"].Items()) {
          ValidateDownwardItem(item, at, problems);
          claim(item, item["path"].String());
        }
      } else if (kind == "serviceAccountToken") {
        ValidateToken(at, problems);
        claim(at, at["path"].String());
      }
    }
  }
}

void ValidateHostPath(const Field& source, Problems& problems) {
  const Field path = source["path"];
  if (path.String().empty()) return problems.Required(path);
  if (HasBackstep(path.String())) problems.Invalid(path, "must not contain '..'");
  static const std::vector<std::string> kTypes = {
      "",     "BlockDevice",  "CharDevice", "Directory", "DirectoryOrCreate",
      "File", "FileOrCreate", "Socket"};
  const std::string& type = source["type"].String();
  if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end())
    problems.NotSupported(source["type"], type, kTypes);
}

void ValidateSource(const Field& source, std::string_view kind, Problems& problems) {
  if (kind == "emptyDir") {
    const Field limit = source["sizeLimit"];
    if (QuantityOf(limit.value()).ValueOr(Quantity()) < Quantity())
      problems.Forbidden(limit, "SizeLimit field must be a valid resource quantity");
  } else if (kind == "hostPath") {
    ValidateHostPath(source, problems);
  } else if (kind == "secret") {
    ValidateObjectSource(source, "secretName", problems);
  } else if (kind == "configMap") {
    ValidateObjectSource(source, "name", problems);
  } else if (kind == "downwardAPI") {
    ValidateMode(source["defaultMode"], problems);
    for (const Field& item : source["items"].Items()) ValidateDownwardItem(item, source, problems);
  } else if (kind == "projected") {
    ValidateProjected(source, problems);
  } else if (kind == "nfs") {
    RequireText(source["server"], problems);
    RequireText(source["path"], problems);
    if (!source["path"].String().starts_with('/'))
      problems.InvalidText(source["path"], source["path"].String(), "must be an absolute path");
  } else if (kind == "persistentVolumeClaim") {
    RequireText(source["claimName"], problems);
  } else if (kind == "csi") {
    RequireText(source["driver"], problems);
  } else if (kind == "ephemeral") {
    if (!source["volumeClaimTemplate"].Present()) problems.Required(source["volumeClaimTemplate"]);
  }
}

}  // namespace

bool HasBackstep(std::string_view path) {
  const auto parts = base::Split(path, '/');
  return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

void ValidateRelativePath(const Field& path, const Field& blamed, Problems& problems) {
  if (path.String().starts_with('/'))
    problems.InvalidText(blamed, path.String(), "must be a relative path");
  if (HasBackstep(path.String()))
    problems.InvalidText(blamed, path.String(), "must not contain '..'");
}

void ValidateProjectedPath(const Field& path, Problems& problems) {
  ValidateRelativePath(path, path, problems);
  const std::string& text = path.String();
  if (text.starts_with("..") && !text.starts_with("../"))
    problems.Invalid(path, "must not start with '..'");
}

// Kinds of volumes in the order in which upstream looks for them.
constexpr std::string_view kVolumeKinds[] = {"emptyDir",
                                             "hostPath",
                                             "gitRepo",
                                             "gcePersistentDisk",
                                             "awsElasticBlockStore",
                                             "secret",
                                             "nfs",
                                             "iscsi",
                                             "glusterfs",
                                             "flocker",
                                             "persistentVolumeClaim",
                                             "rbd",
                                             "cinder",
                                             "cephfs",
                                             "quobyte",
                                             "downwardAPI",
                                             "fc",
                                             "flexVolume",
                                             "configMap",
                                             "azureFile",
                                             "vsphereVolume",
                                             "photonPersistentDisk",
                                             "portworxVolume",
                                             "azureDisk",
                                             "storageos",
                                             "projected",
                                             "scaleIO",
                                             "csi",
                                             "ephemeral",
                                             "image"};

std::set<std::string> ValidateVolumes(const Field& volumes, Problems& problems) {
  std::set<std::string> good;
  for (const Field& volume : volumes.Items()) {
    const size_t before = problems.count();
    std::string first;
    for (const std::string_view kind : kVolumeKinds) {
      if (!volume[kind].Present()) continue;
      if (first.empty()) {
        first = kind;
        ValidateSource(volume[kind], kind, problems);
      } else {
        problems.Forbidden(volume[kind], "may not specify more than 1 volume type");
      }
    }
    const Field name = volume["name"];
    if (name.String().empty()) {
      problems.Required(name);
    } else {
      problems.Invalid(name, CheckDns1123Label(name.String()));
    }
    if (good.contains(name.String())) problems.Duplicate(name);
    if (problems.count() == before) good.insert(name.String());
  }
  return good;
}

}  // namespace keelson::kube
