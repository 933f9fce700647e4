// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "cli/cluster/api.h"
#include "cli/cluster/machine.h"
#include "cli/cluster/node_life.h"
#include "lib/os/files.h"

namespace keelson::cluster {
namespace {

using json::Value;

constexpr std::chrono::seconds kPatience{120};

struct Place {
  std::string collection;  // with the namespace, where there is one
  std::string name;
};

// Where the API keeps objects of that kind.
base::Result<Place> PlaceOf(Api& api, const Value& object) {
  const std::string& version = object.At({"apiVersion"}).AsString();
  const std::string& kind = object.At({"kind"}).AsString();
  const std::string root = (version.find('/') == std::string::npos ? "/api/" : "/apis/") + version;
  ASSIGN_OR_RETURN(const Value known, api.Need("GET", root));
  for (const Value& one : known.At({"resources"}).items()) {
    if (one.At({"kind"}).AsString() != kind ||
        one.At({"name"}).AsString().find('/') != std::string::npos)
      continue;
    std::string ns = object.At({"metadata", "namespace"}).AsString();
    if (ns.empty()) ns = "default";
    return Place{root + (one.At({"namespaced"}).AsBool() ? "/namespaces/" + ns : "") + "/" +
                     one.At({"name"}).AsString(),
                 object.At({"metadata", "name"}).AsString()};
  }
  return base::InvalidArgument("the cluster knows no kind '{}' of '{}'", kind, version);
}

bool IsAvailable(const Value& deployment) {
  if (deployment.At({"status", "observedGeneration"}).AsInt() <
      deployment.At({"metadata", "generation"}).AsInt())
    return false;
  return deployment.At({"status", "readyReplicas"}).AsInt() >=
         deployment.At({"spec", "replicas"}).AsInt();
}

base::Status ApplyTo(Api& api, const std::vector<Value>& objects, bool wait,
                     const cli::Console& console) {
  std::vector<std::pair<Place, Value>> done;
  for (const Value& object : objects) {
    ASSIGN_OR_RETURN(const Place place, PlaceOf(api, object));
    ASSIGN_OR_RETURN(
        Value now,
        api.Need("PATCH", place.collection + "/" + place.name + "?fieldManager=keelson&force=true",
                 object, "application/apply-patch+yaml"));
    const std::string& kind = object.At({"kind"}).AsString();
    console.out << kind << " " << place.name << " is as the file says";
    if (kind == "Service") {
      console.out << ": http://" << now.At({"spec", "clusterIP"}).AsString() << ":"
                  << now.At({"spec", "ports"}).items()[0].At({"port"}).AsInt() << "/";
    }
    console.out << "\n";
    done.emplace_back(place, std::move(now));
  }
  for (const auto& [place, object] : done) {
    if (!wait || object.At({"kind"}).AsString() != "Deployment") continue;
    const base::Status ready = api.Await(place.collection, place.name, kPatience, IsAvailable);
    if (!ready.ok())
      return ready.error().WithContext("wait until all pods of " + place.name + " are ready");
    console.out << "all pods of " << place.name << " are ready\n";
  }
  return base::Ok();
}

}  // namespace

base::Status Apply(const ApplyOptions& options, const cli::Console& console) {
  ASSIGN_OR_RETURN(const std::string text, os::ReadFile(options.file));
  ASSIGN_OR_RETURN(const std::vector<Value> objects, json::ParseYamlStream(text));
  const auto node = ReadRecord(options.state_dir);
  if (!node.ok())
    return base::NotFound("no node of a cluster was brought up in {}", options.state_dir);
  ASSIGN_OR_RETURN(Access access, ReadAccess(node->admin_kubeconfig()));
  return InNetwork(node->network, [&] {
    Api api(std::move(access));
    return ApplyTo(api, objects, options.wait, console);
  });
}

}  // namespace keelson::cluster
