// SPDX-License-Identifier: Apache-2.0
// Volumes, claims and storage.k8s.io.
#include <array>

#include "lib/base/strings.h"
#include "minimal-master/table/kinds.h"
#include "minimal-master/table/text.h"

namespace keelson::table {
namespace {

using json::Value;

std::string Name(const Value& object) { return TextAt(object, {"metadata", "name"}); }
bool IsTerminating(const Value& object) {
  return !TextAt(object, {"metadata", "deletionTimestamp"}).empty();
}

std::string AccessModes(const Value& modes) {
  constexpr std::array<std::pair<const char*, const char*>, 4> kShort{
      {{"ReadWriteOnce", "RWO"},
       {"ReadOnlyMany", "ROX"},
       {"ReadWriteMany", "RWX"},
       {"ReadWriteOncePod", "RWOP"}}};
  std::vector<std::string> all;
  for (const auto& [mode, text] : kShort) {
    for (const Value& given : modes.items()) {
      if (given.AsString() != mode) continue;
      all.emplace_back(text);
      break;
    }
  }
  return base::Join(all, ",");
}

std::string Class(const Value& object) {
  return TextAtOr(object, {"metadata", "annotations", "volume.beta.kubernetes.io/storage-class"},
                  TextAt(object, {"spec", "storageClassName"}));
}

std::string Storage(const Value& resources) { return TextAtOr(resources, {"storage"}, "0"); }

Row PersistentVolume(const Value& object, int64_t now) {
  const Value& claim = object.At({"spec", "claimRef"});
  return RowWith(
      Name(object), Storage(object.At({"spec", "capacity"})),
      AccessModes(object.At({"spec", "accessModes"})),
      TextAt(object, {"spec", "persistentVolumeReclaimPolicy"}),
      IsTerminating(object) ? "Terminating" : TextAt(object, {"status", "phase"}),
      claim.IsObject() ? TextAt(claim, {"namespace"}) + "/" + TextAt(claim, {"name"}) : "",
      Class(object), TextAtOr(object, {"spec", "volumeAttributesClassName"}, "<unset>"),
      TextAt(object, {"status", "reason"}), Age(object, now),
      TextAtOr(object, {"spec", "volumeMode"}, "<unset>"));
}

Row PersistentVolumeClaim(const Value& object, int64_t now) {
  const std::string volume = TextAt(object, {"spec", "volumeName"});
  const bool bound = !volume.empty();
  return RowWith(Name(object),
                 IsTerminating(object) ? "Terminating" : TextAt(object, {"status", "phase"}),
                 volume, bound ? Storage(object.At({"status", "capacity"})) : "",
                 bound ? AccessModes(object.At({"status", "accessModes"})) : "", Class(object),
                 TextAtOr(object, {"spec", "volumeAttributesClassName"}, "<unset>"),
                 Age(object, now), TextAtOr(object, {"spec", "volumeMode"}, "<unset>"));
}

Row StorageClass(const Value& object, int64_t now) {
  std::string name = Name(object);
  for (const char* mark : {"storageclass.kubernetes.io/is-default-class",
                           "storageclass.beta.kubernetes.io/is-default-class"}) {
    if (TextAt(object, {"metadata", "annotations", mark}) != "true") continue;
    name += " (default)";
    break;
  }
  return RowWith(name, TextAt(object, {"provisioner"}),
                 TextAtOr(object, {"reclaimPolicy"}, "Delete"),
                 TextAtOr(object, {"volumeBindingMode"}, "Immediate"),
                 TrueAt(object, {"allowVolumeExpansion"}), Age(object, now));
}

Row CsiDriver(const Value& object, int64_t now) {
  const Value& attach = object.At({"spec", "attachRequired"});
  std::vector<std::string> audiences;
  for (const Value& request : object.At({"spec", "tokenRequests"}).items())
    audiences.push_back(TextAt(request, {"audience"}));
  const std::vector<std::string> modes = TextsAt(object, {"spec", "volumeLifecycleModes"});
  return RowWith(Name(object), attach.IsNull() || attach.AsBool(),
                 TrueAt(object, {"spec", "podInfoOnMount"}),
                 TrueAt(object, {"spec", "storageCapacity"}),
                 audiences.empty() ? "<unset>" : base::Join(audiences, ","),
                 TrueAt(object, {"spec", "requiresRepublish"}),
                 modes.empty() ? "<none>" : base::Join(modes, ","), Age(object, now));
}

Row CsiNode(const Value& object, int64_t now) {
  return RowWith(Name(object), static_cast<int64_t>(object.At({"spec", "drivers"}).items().size()),
                 Age(object, now));
}

Row VolumeAttachment(const Value& object, int64_t now) {
  return RowWith(Name(object), TextAt(object, {"spec", "attacher"}),
                 TextAt(object, {"spec", "source", "persistentVolumeName"}),
                 TextAt(object, {"spec", "nodeName"}), TrueAt(object, {"status", "attached"}),
                 Age(object, now));
}

Row VolumeAttributesClass(const Value& object, int64_t now) {
  return RowWith(Name(object), TextAt(object, {"driverName"}), Age(object, now));
}

}  // namespace

const Printer kStoragePrinters[] = {
    {"", "PersistentVolume", PersistentVolume},
    {"", "PersistentVolumeClaim", PersistentVolumeClaim},
    {"storage.k8s.io", "StorageClass", StorageClass},
    {"storage.k8s.io", "CSIDriver", CsiDriver},
    {"storage.k8s.io", "CSINode", CsiNode},
    {"storage.k8s.io", "VolumeAttachment", VolumeAttachment},
    {"storage.k8s.io", "VolumeAttributesClass", VolumeAttributesClass},
    {},
};

}  // namespace keelson::table
