// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/mirrors.h"

#include <set>

#include "lib/base/log.h"

namespace keelson::cluster {
namespace {

constexpr std::chrono::seconds kRetry{5};

std::string NameOf(const std::string& ns, const std::string& name) { return ns + "/" + name; }

json::Value Texts(const std::map<std::string, std::string>& map) {
  json::Value object = json::Value::Object();
  for (const auto& [key, value] : map) object.Set(key, json::Value(value));
  return object;
}

}  // namespace

std::string MirrorHashOf(const kube::Pod& pod) {
  const auto hash = pod.metadata.annotations.find("kubernetes.io/config.hash");
  return hash == pod.metadata.annotations.end() ? "" : hash->second;
}

json::Value MirrorOf(const kube::Pod& pod, const std::string& node, const std::string& node_uid) {
  using json::Value;
  std::map<std::string, std::string> annotations = pod.metadata.annotations;
  annotations["kubernetes.io/config.mirror"] = MirrorHashOf(pod);
  Value metadata = Value::Object(
      {{"name", Value(pod.metadata.name)}, {"namespace", Value(pod.metadata.namespace_name)}});
  if (!pod.metadata.labels.empty()) metadata.Set("labels", Texts(pod.metadata.labels));
  metadata.Set("annotations", Texts(annotations));
  metadata.Set("ownerReferences", Value::Array({Value::Object({{"apiVersion", Value("v1")},
                                                               {"kind", Value("Node")},
                                                               {"name", Value(node)},
                                                               {"uid", Value(node_uid)},
                                                               {"controller", Value(true)}})}));
  Value spec = pod.object.At({"spec"});
  spec.Set("nodeName", Value(node));
  return Value::Object({{"apiVersion", Value("v1")},
                        {"kind", Value("Pod")},
                        {"metadata", std::move(metadata)},
                        {"spec", std::move(spec)}});
}

struct Mirrors::State : std::enable_shared_from_this<Mirrors::State> {
  State(kube::Api& the_api, std::string the_node,
        std::function<void(const status::PodKey&, json::Value)> the_status)
      : api(the_api), node(std::move(the_node)), tell(std::move(the_status)) {}

  struct Static {
    kube::Pod pod;
    bool wanted = true;
    json::Value status;
  };
  struct Mirror {
    status::PodKey key;
    std::string hash;
    bool ends = false;
  };

  void Sync(const std::string& name);
  void SyncAll() {
    std::set<std::string> names;
    for (const auto& [name, pod] : statics) names.insert(name);
    for (const auto& [name, mirror] : mirrors) names.insert(name);
    for (const std::string& name : names) Sync(name);
  }
  void Send(const std::string& name, kube::Api::Request request);

  kube::Api& api;
  const std::string node;
  const std::function<void(const status::PodKey&, json::Value)> tell;
  std::string node_uid;
  bool files_known = false, synced = false;
  std::map<std::string, Static> statics;  // by namespace/name
  std::map<std::string, Mirror> mirrors;  // likewise
  std::set<std::string> busy;             // a request, or a pause after one that failed
};

void Mirrors::State::Send(const std::string& name, kube::Api::Request request) {
  busy.insert(name);
  api.Send(std::move(request), [weak = weak_from_this(), name](base::Result<json::Value> answer) {
    const auto self = weak.lock();
    if (!self) return;
    if (!answer.ok() && kube::HttpStatusOf(answer.error()) != 404)
      base::LogWarn("the picture of a static pod is not up to date, trying again in five seconds",
                    {{"pod", name}, {"error", answer.error()}});
    // What was done is heard from the watch; if not, it is done again.
    self->api.loop().After(kRetry, [weak, name] {
      const auto again = weak.lock();
      if (!again) return;
      again->busy.erase(name);
      again->Sync(name);
    });
  });
}

void Mirrors::State::Sync(const std::string& name) {
  if (!files_known || !synced || busy.contains(name)) return;
  const auto pod = statics.find(name);
  const auto mirror = mirrors.find(name);
  if (mirror != mirrors.end()) {
    const bool right = pod != statics.end() && !mirror->second.ends &&
                       MirrorHashOf(pod->second.pod) == mirror->second.hash;
    if (right) {
      if (pod->second.status.IsObject()) tell(mirror->second.key, pod->second.status);
      return;
    }
    const status::PodKey& key = mirror->second.key;
    const json::Value options = json::Value::Object(
        {{"apiVersion", json::Value("v1")},
         {"kind", json::Value("DeleteOptions")},
         {"gracePeriodSeconds", json::Value(0)},
         {"preconditions", json::Value::Object({{"uid", json::Value(key.uid)}})}});
    return Send(name, {.method = "DELETE",
                       .path = "/api/v1/namespaces/" + key.ns + "/pods/" + key.name,
                       .body = json::WriteJson(options)});
  }
  if (pod == statics.end() || !pod->second.wanted || node_uid.empty()) return;
  Send(name, {.method = "POST",
              .path = "/api/v1/namespaces/" + pod->second.pod.metadata.namespace_name + "/pods",
              .body = json::WriteJson(MirrorOf(pod->second.pod, node, node_uid))});
}

Mirrors::Mirrors(kube::Api& api, std::string node,
                 std::function<void(const status::PodKey&, json::Value)> status)
    : state_(std::make_shared<State>(api, std::move(node), std::move(status))) {}
Mirrors::~Mirrors() = default;

void Mirrors::StaticPodsAre(const std::vector<kube::Pod>& pods) {
  State& s = *state_;
  s.files_known = true;
  for (auto& [name, known] : s.statics) known.wanted = false;
  for (const kube::Pod& pod : pods) {
    State::Static& known = s.statics[NameOf(pod.metadata.namespace_name, pod.metadata.name)];
    if (MirrorHashOf(known.pod) != MirrorHashOf(pod)) known.status = {};
    known.pod = pod;
    known.wanted = true;
  }
  // Those that never began; the others go when nothing of them is left.
  std::erase_if(s.statics, [](const auto& known) {
    return !known.second.wanted && known.second.status.IsNull();
  });
  s.SyncAll();
}

void Mirrors::StatusIs(const kube::Pod& pod, const json::Value& status) {
  const std::string name = NameOf(pod.metadata.namespace_name, pod.metadata.name);
  const auto known = state_->statics.find(name);
  if (known == state_->statics.end() || MirrorHashOf(known->second.pod) != MirrorHashOf(pod))
    return;
  known->second.status = status;
  state_->Sync(name);
  // While a request of its own is under way the picture is still there to be told.
  const auto mirror = state_->mirrors.find(name);
  if (state_->busy.contains(name) && mirror != state_->mirrors.end() && !mirror->second.ends &&
      mirror->second.hash == MirrorHashOf(pod))
    state_->tell(mirror->second.key, status);
}

void Mirrors::Gone(const kube::Pod& pod) {
  const std::string name = NameOf(pod.metadata.namespace_name, pod.metadata.name);
  const auto known = state_->statics.find(name);
  if (known == state_->statics.end() || known->second.wanted) return;
  state_->statics.erase(known);
  state_->Sync(name);
}

void Mirrors::NodeIs(const std::string& uid) {
  if (state_->node_uid == uid) return;
  state_->node_uid = uid;
  state_->SyncAll();
}

void Mirrors::Synced() {
  state_->synced = true;
  state_->SyncAll();
}

void Mirrors::Seen(const status::PodKey& key, const std::string& hash, bool ends) {
  const std::string name = NameOf(key.ns, key.name);
  state_->mirrors[name] = {key, hash, ends};
  const auto known = state_->statics.find(name);
  if (known != state_->statics.end() && !ends && MirrorHashOf(known->second.pod) == hash)
    state_->busy.erase(name);
  state_->Sync(name);
}

void Mirrors::Vanished(const std::string& uid) {
  for (auto it = state_->mirrors.begin(); it != state_->mirrors.end(); ++it) {
    if (it->second.key.uid != uid) continue;
    const std::string name = it->first;
    state_->mirrors.erase(it);
    state_->busy.erase(name);
    return state_->Sync(name);
  }
}

}  // namespace keelson::cluster
