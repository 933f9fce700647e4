// SPDX-License-Identifier: Apache-2.0
// Storage classes and claims.
#include <set>

#include "lib/base/strings.h"
#include "lib/kube/schema.h"
#include "lib/kube/validate_parts.h"
#include "minimal-master/validation/rules.h"

namespace keelson::validation {

void StorageClass(const Field& object, Problems& problems) {
  const Field provisioner = object["provisioner"];
  if (provisioner.String().empty())
    problems.Required(provisioner);
  else
    problems.Invalid(provisioner, kube::CheckQualifiedName(base::ToLower(provisioner.String())));
  for (const Field& parameter : object["parameters"].Entries()) {
    if (parameter.key().empty())
      problems.InvalidText(object["parameters"], "", "field must not be empty.");
  }
  if (const Field policy = object["reclaimPolicy"]; !policy.String().empty())
    OneOf(policy, {"Delete", "Retain"}, problems);
  const Field mode = object["volumeBindingMode"];
  if (!mode.Present())
    problems.Required(mode);
  else
    OneOf(mode, {"Immediate", "WaitForFirstConsumer"}, problems);
}

void StorageClassChange(const Field& now, const Field& before, Problems& problems) {
  for (const char* field : {"parameters", "provisioner", "reclaimPolicy"}) {
    if (!Same(now[field], before[field]))
      problems.Forbidden(now[field], fmt::format("updates to {} are forbidden.", field));
  }
  Immutable(now["volumeBindingMode"], before["volumeBindingMode"], problems);
}

void ClaimSpec(const Field& spec, Problems& problems) {
  const Field modes = spec["accessModes"];
  if (modes.value().items().empty()) problems.Required(modes, "at least 1 access mode is required");
  bool alone = false;
  for (const Field& mode : modes.Items()) {
    alone = alone || mode.String() == "ReadWriteOncePod";
    OneOf(mode.WithPath(modes.path()),
          {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"}, problems);
  }
  if (alone && modes.value().items().size() > 1)
    problems.Forbidden(modes, "may not use ReadWriteOncePod with other access modes");
  if (spec["selector"].Present()) kube::ValidateLabelSelector(spec["selector"], problems);
  // Upstream leaves "requests" out of this path.
  const Field storage = spec["resources"]["requests"]["storage"];
  const Field at = storage.WithPath(spec["resources"].path() + "[storage]");
  if (!storage.Present()) {
    problems.Required(at);
  } else {
    const kube::Quantity amount = kube::QuantityOf(storage.value()).ValueOr(kube::Quantity());
    if (!(kube::Quantity() < amount))
      problems.InvalidText(storage, amount.Canonical(), "must be greater than zero");
  }
  if (const Field name = spec["storageClassName"]; !name.String().empty())
    Named(name, kube::CheckDns1123Subdomain, problems);
  if (const Field mode = spec["volumeMode"]; mode.Present())
    OneOf(mode, {"Block", "Filesystem"}, problems);
}

void Claim(const Field& object, Problems& problems) { ClaimSpec(object["spec"], problems); }

void ClaimChange(const Field& now, const Field& before, Problems& problems) {
  const bool bound = now["status"]["phase"].String() == "Bound";
  json::Value kept = now["spec"].value();
  json::Value old = before["spec"].value();
  // A volume is named once.
  if (before["spec"]["volumeName"].String().empty()) kept.Erase("volumeName");
  // So is a class, if there was none: the cluster's default may come later.
  if (!before["spec"]["storageClassName"].Present()) kept.Erase("storageClassName");
  if (bound) {
    kept.Erase("volumeAttributesClassName");
    old.Erase("volumeAttributesClassName");
    for (json::Value* spec : {&kept, &old}) {
      json::Value* resources = spec->Find("resources");
      json::Value* requests = resources == nullptr ? nullptr : resources->Find("requests");
      if (requests != nullptr) requests->Erase("storage");
    }
  }
  if (!Same(Field(kept), Field(old)))
    problems.Forbidden(
        now["spec"],
        "spec is immutable after creation except resources.requests and volumeAttributesClassName "
        "for bound claims");
  const auto size = [](const Field& amounts) {
    const base::Result<kube::Quantity> amount = kube::Quantity::Parse(amounts["storage"].String());
    return amount.ok() ? *amount : kube::Quantity();
  };
  const Field requests = now["spec"]["resources"]["requests"];
  if (size(requests) < size(before["spec"]["resources"]["requests"]) &&
      !(size(before["status"]["capacity"]) < size(requests)))
    problems.Forbidden(requests["storage"], "field can not be less than status.capacity");
}

namespace {

constexpr std::string_view kVolumes[] = {"awsElasticBlockStore",
                                         "azureDisk",
                                         "azureFile",
                                         "cephfs",
                                         "cinder",
                                         "csi",
                                         "fc",
                                         "flexVolume",
                                         "flocker",
                                         "gcePersistentDisk",
                                         "glusterfs",
                                         "hostPath",
                                         "iscsi",
                                         "local",
                                         "nfs",
                                         "photonPersistentDisk",
                                         "portworxVolume",
                                         "quobyte",
                                         "rbd",
                                         "scaleIO",
                                         "storageos",
                                         "vsphereVolume"};

}  // namespace

void PersistentVolume(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  const Field modes = spec["accessModes"];
  if (modes.value().items().empty()) problems.Required(modes);
  for (const Field& mode : modes.Items())
    OneOf(mode.WithPath(modes.path()),
          {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"}, problems);
  const Field capacity = spec["capacity"];
  if (capacity.value().members().empty()) problems.Required(capacity);
  if (!capacity["storage"].Present() || capacity.value().members().size() > 1)
    problems.Add(capacity,
                 fmt::format("Unsupported value: {}: supported values: \"storage\"",
                             kube::Shown(capacity.value())),
                 kube::ProblemKind::kNotSupported);
  if (const Field policy = spec["persistentVolumeReclaimPolicy"]; !policy.String().empty())
    OneOf(policy, {"Delete", "Recycle", "Retain"}, problems);
  const Field affinity = spec["nodeAffinity"];
  if (affinity.Present()) {
    const Field required = affinity["required"];
    if (!required.Present()) {
      problems.Required(required, "must specify required node constraints");
    } else {
      const Field terms = required["nodeSelectorTerms"];
      if (terms.value().items().empty())
        problems.Required(terms, "must have at least one node selector term");
      for (const Field& term : terms.Items()) kube::ValidateNodeTerm(term, problems);
    }
  }
  int sources = 0;
  for (const std::string_view name : kVolumes) {
    const Field source = spec[name];
    if (!source.Present()) continue;
    if (++sources > 1) {
      problems.Forbidden(source, "may not specify more than 1 volume type");
      continue;
    }
    if (name == "csi") {
      Required(source["driver"], problems);
      Required(source["volumeHandle"], problems);
    } else if (name == "local") {
      Required(source["path"], problems);
      if (!affinity.Present()) problems.Required(affinity, "Local volume requires node affinity");
    } else if (name == "hostPath") {
      Required(source["path"], problems);
    } else if (name == "nfs") {
      Required(source["server"], problems);
      Required(source["path"], problems);
      if (!source["path"].String().starts_with('/'))
        problems.InvalidText(source["path"], source["path"].String(), "must be an absolute path");
    }
  }
  if (sources == 0) problems.Required(spec, "must specify a volume type");
  if (const Field name = spec["storageClassName"]; !name.String().empty())
    Named(name, kube::CheckDns1123Subdomain, problems);
  if (const Field mode = spec["volumeMode"]; mode.Present())
    OneOf(mode, {"Block", "Filesystem"}, problems);
}

void PersistentVolumeChange(const Field& now, const Field& before, Problems& problems) {
  const Field spec = now["spec"];
  const Field old = before["spec"];
  for (const std::string_view name : kVolumes) {
    if (Same(spec[name], old[name])) continue;
    problems.Forbidden(spec["persistentvolumesource"],
                       "spec.persistentvolumesource is immutable after creation");
    break;
  }
  Immutable(spec["volumeMode"].WithPath("volumeMode"), old["volumeMode"], problems);
  if (old["nodeAffinity"].Present() && !Same(spec["nodeAffinity"], old["nodeAffinity"]))
    problems.Invalid(spec["nodeAffinity"].WithPath("nodeAffinity"),
                     "field is immutable, except for updating from beta label to GA");
}

void LimitRange(const Field& object, Problems& problems) {
  std::set<std::string> seen;
  for (const Field& limit : object["spec"]["limits"].Items()) {
    const Field type = limit["type"];
    const std::string& name = type.String();
    const size_t before = problems.count();
    Named(type, kube::CheckQualifiedName, problems);
    if (problems.count() == before && name.find('/') == std::string::npos && name != "Pod" &&
        name != "Container" && name != "PersistentVolumeClaim")
      problems.Invalid(type, "must be a standard limit type or fully qualified");
    if (!seen.insert(name).second) {
      problems.Duplicate(type);
      continue;
    }
    if (name == "Pod") {
      for (const char* part : {"default", "defaultRequest"}) {
        if (!limit[part].value().members().empty())
          problems.Forbidden(limit[part], "may not be specified when `type` is 'Pod'");
      }
    }
    if (name == "PersistentVolumeClaim" && !limit["min"]["storage"].Present() &&
        !limit["max"]["storage"].Present())
      problems.Required(limit["limits"],
                        "either minimum or maximum storage value is required, but neither was "
                        "provided");
  }
}

void CsiNode(const Field& object, Problems& problems) {
  std::set<std::string> seen;
  for (const Field& driver : object["spec"]["drivers"].Items()) {
    const Field name = driver["name"];
    if (name.String().empty()) {
      problems.Required(name);
    } else {
      Named(name, kube::CheckDns1123Subdomain, problems);
      if (!seen.insert(name.String()).second) problems.Duplicate(name);
    }
    const Field node = driver["nodeID"];
    if (node.String().empty()) problems.Required(node);
    if (node.String().size() > 192) problems.TooLong(node, 192);
  }
}

void VolumeAttachment(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  const Field attacher = spec["attacher"];
  if (attacher.String().empty()) {
    problems.Required(attacher);
    problems.Required(attacher);  // upstream asks twice
  } else {
    Named(attacher, kube::CheckDns1123Subdomain, problems);
  }
  const Field source = spec["source"];
  const Field name = source["persistentVolumeName"];
  if (name.Present() == source["inlineVolumeSpec"].Present()) {
    problems.Required(source,
                      "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
  } else if (name.Present()) {
    if (name.String().empty())
      problems.Required(name, "must specify non empty persistentVolumeName");
    Named(name, kube::CheckDns1123Subdomain, problems);
  }
  Named(spec["nodeName"], kube::CheckDns1123Subdomain, problems);
}

void StorageCapacity(const Field& object, Problems& problems) {
  kube::ValidateLabelSelector(object["nodeTopology"], problems);
  const Field name = object["storageClassName"];
  problems.InvalidText(name, name.String(), kube::CheckDns1123Subdomain(name.String()));
  const Field capacity = object["capacity"];
  if (capacity.String().starts_with('-'))
    problems.InvalidText(capacity, capacity.String(), "must be greater than or equal to 0");
}

void StorageCapacityChange(const Field& now, const Field& before, Problems& problems) {
  for (const char* field : {"nodeTopology", "storageClassName"})
    Immutable(now[field], before[field], problems);
}

void AttributesClass(const Field& object, Problems& problems) {
  if (object["driverName"].String().empty()) problems.Required(object["driverName"]);
  if (object["parameters"].value().members().empty())
    problems.Required(object["parameters"], "must contain at least one key/value pair");
}

void AttributesClassChange(const Field& now, const Field& before, Problems& problems) {
  if (!Same(now["driverName"], before["driverName"]))
    problems.Forbidden(now["driverName"], "updates to driverName are forbidden.");
  if (!Same(now["parameters"], before["parameters"]))
    problems.Forbidden(now["parameters"], "updates to parameters are forbidden.");
}

}  // namespace keelson::validation
