// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/api_objects.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "kubelet/pod/service_links.h"
#include "lib/base/log.h"
#include "lib/base/rfc3339.h"
#include "lib/kube/client/reflector.h"
#include "lib/kube/decode.h"

namespace keelson::cluster {
namespace {

using TokenWish = volume::Objects::TokenWish;

constexpr std::chrono::seconds kTokenCheck{30};
constexpr std::chrono::seconds kTokenRetry{5};
constexpr int64_t kSecond = 1'000'000'000;

base::Result<kube::ConfigObject> Decode(bool secret, json::Value object) {
  object.Set("apiVersion", json::Value("v1"));
  object.Set("kind", json::Value(secret ? "Secret" : "ConfigMap"));
  if (json::Value* metadata = object.Find("metadata")) metadata->Erase("managedFields");
  return kube::DecodeConfigObject(object);
}

}  // namespace

struct ApiObjects::State : std::enable_shared_from_this<ApiObjects::State> {
  State(kube::Api& the_api, const base::Clock& the_clock, const volume::Objects& the_local)
      : api(the_api), clock(the_clock), local(the_local) {}

  struct Followed {
    std::set<std::string> pods;  // uids
    std::unique_ptr<kube::Reflector> reflector;
    bool answered = false;
  };
  struct OfPod {
    References names;
    std::string ns, name, account;
  };
  struct Ticket {
    bool answered = false, under_way = false;
    int64_t renew_at = 0;
  };

  void Follow(const ObjectKey& key, const std::string& uid);
  void Ask(const TokenWish& wish);
  void Answer(const TokenWish& wish, const base::Result<json::Value>& answer, int64_t asked);
  void CheckTokens();
  void Forget(const std::string& uid);

  kube::Api& api;
  const base::Clock& clock;
  const volume::Objects& local;
  std::function<void()> told = [] {};
  // The loop's.
  std::map<std::string, OfPod> pods;
  std::map<ObjectKey, Followed> followed;
  std::map<TokenWish, Ticket> tickets;
  std::unique_ptr<kube::Reflector> services;
  std::optional<os::EventLoop::TimerId> timer;
  // Anybody's.
  std::mutex mutex;
  std::map<ObjectKey, kube::ConfigObject> objects;              // guarded by mutex
  std::map<TokenWish, base::Result<std::string>> tokens;        // guarded by mutex
  std::map<kube::ObjectName, pod::ServiceFact> known_services;  // guarded by mutex
};

void ApiObjects::State::Follow(const ObjectKey& key, const std::string& uid) {
  Followed& one = followed[key];
  one.pods.insert(uid);
  if (one.reflector) return;
  kube::Reflector::Follower follower;
  follower.changed = [this, key](const json::Value& object) {
    base::Result<kube::ConfigObject> read = Decode(key.secret, object);
    if (!read.ok()) {
      base::LogError("an object of the cluster is refused",
                     {{"name", key.ns + "/" + key.name}, {"error", read.error()}});
      return;
    }
    const std::lock_guard lock(mutex);
    objects.insert_or_assign(key, std::move(read).value());
  };
  follower.gone = [this, key](const kube::ObjectName&) {
    const std::lock_guard lock(mutex);
    objects.erase(key);
  };
  const auto answered = [this, key] {
    const auto found = followed.find(key);
    if (found == followed.end() || found->second.answered) return;
    found->second.answered = true;
    told();
  };
  follower.synced = answered;
  follower.problem = [key, answered](const base::Error& error) {
    base::LogWarn("an object cannot be followed, trying again",
                  {{"name", key.ns + "/" + key.name}, {"error", error}});
    if (kube::HttpStatusOf(error) != 0) answered();
  };
  one.reflector = std::make_unique<kube::Reflector>(
      api,
      kube::Reflector::Query{
          "/api/v1/namespaces/" + key.ns + (key.secret ? "/secrets" : "/configmaps"),
          "fieldSelector=metadata.name%3D" + key.name},
      std::move(follower));
  one.reflector->Start();
}

void ApiObjects::State::Ask(const TokenWish& wish) {
  Ticket& ticket = tickets[wish];
  if (ticket.under_way) return;
  ticket.under_way = true;
  const OfPod& pod = pods.at(wish.pod_uid);
  json::Value spec = json::Value::Object(
      {{"audiences", json::Value::Array()},
       {"expirationSeconds", json::Value(wish.seconds)},
       {"boundObjectRef", json::Value::Object({{"kind", json::Value("Pod")},
                                               {"apiVersion", json::Value("v1")},
                                               {"name", json::Value(pod.name)},
                                               {"uid", json::Value(wish.pod_uid)}})}});
  if (!wish.audience.empty()) spec.Find("audiences")->Append(json::Value(wish.audience));
  const json::Value body =
      json::Value::Object({{"apiVersion", json::Value("authentication.k8s.io/v1")},
                           {"kind", json::Value("TokenRequest")},
                           {"spec", std::move(spec)}});
  api.Send(
      {.method = "POST",
       .path = "/api/v1/namespaces/" + pod.ns + "/serviceaccounts/" + pod.account + "/token",
       .body = json::WriteJson(body)},
      [weak = weak_from_this(), wish, asked = clock.WallNanos()](base::Result<json::Value> answer) {
        if (const auto self = weak.lock()) self->Answer(wish, answer, asked);
      });
}

void ApiObjects::State::Answer(const TokenWish& wish, const base::Result<json::Value>& answer,
                               int64_t asked) {
  const auto found = tickets.find(wish);
  if (found == tickets.end()) return;
  Ticket& ticket = found->second;
  ticket.under_way = false;
  ticket.answered = true;
  {
    const std::lock_guard lock(mutex);
    if (answer.ok()) {
      const int64_t expires =
          base::ParseRfc3339(answer->At({"status", "expirationTimestamp"}).AsString())
              .value_or(asked + wish.seconds * kSecond);
      ticket.renew_at = asked + (expires - asked) / 5 * 4;
      tokens.insert_or_assign(wish, answer->At({"status", "token"}).AsString());
    } else {
      ticket.renew_at = asked + kTokenRetry.count() * kSecond;
      const auto had = tokens.find(wish);
      // One that is still good is better than none.
      if (had == tokens.end() || !had->second.ok())
        tokens.insert_or_assign(wish, answer.error().WithContext("service account token"));
    }
  }
  told();
}

void ApiObjects::State::CheckTokens() {
  const int64_t now = clock.WallNanos();
  for (const auto& [wish, ticket] : tickets) {
    if (ticket.answered && !ticket.under_way && ticket.renew_at <= now) Ask(wish);
  }
  timer = api.loop().After(tickets.empty() ? kTokenCheck : kTokenRetry, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->CheckTokens();
  });
}

void ApiObjects::State::Forget(const std::string& uid) {
  const auto pod = pods.find(uid);
  if (pod == pods.end()) return;
  const References names = std::move(pod->second.names);
  pods.erase(pod);
  for (const ObjectKey& key : names.objects) {
    const auto found = followed.find(key);
    if (found == followed.end()) continue;
    found->second.pods.erase(uid);
    if (!found->second.pods.empty()) continue;
    followed.erase(found);
    const std::lock_guard lock(mutex);
    objects.erase(key);
  }
  for (const TokenWish& wish : names.tokens) {
    tickets.erase(wish);
    const std::lock_guard lock(mutex);
    tokens.erase(wish);
  }
}

ApiObjects::ApiObjects(kube::Api& api, const base::Clock& clock, const volume::Objects& local)
    : state_(std::make_shared<State>(api, clock, local)) {}
ApiObjects::~ApiObjects() {
  if (state_->timer) state_->api.loop().CancelTimer(*state_->timer);
  state_->followed.clear();
  state_->services.reset();
}

void ApiObjects::Start(std::function<void()> told) {
  State& s = *state_;
  s.told = std::move(told);
  kube::Reflector::Follower follower;
  follower.changed = [&s](const json::Value& object) {
    pod::ServiceFact service = pod::ServiceOf(object);
    const std::lock_guard lock(s.mutex);
    s.known_services.insert_or_assign({service.ns, service.name}, std::move(service));
  };
  follower.gone = [&s](const kube::ObjectName& name) {
    const std::lock_guard lock(s.mutex);
    s.known_services.erase(name);
  };
  follower.synced = [&s] { s.told(); };
  follower.problem = [](const base::Error& error) {
    base::LogWarn("services cannot be followed, trying again", {{"error", error}});
  };
  s.services = std::make_unique<kube::Reflector>(
      s.api, kube::Reflector::Query{"/api/v1/services", "fieldSelector=spec.clusterIP%21%3DNone"},
      std::move(follower));
  s.services->Start();
  s.CheckTokens();
}

void ApiObjects::Want(const kube::Pod& pod) {
  const auto [at, added] = state_->pods.try_emplace(pod.metadata.uid);
  if (!added) return;  // what a pod names never changes
  State::OfPod& of_pod = at->second;
  of_pod = {ReferencesOf(pod), pod.metadata.namespace_name, pod.metadata.name,
            pod.spec.service_account_name.empty() ? "default" : pod.spec.service_account_name};
  for (const ObjectKey& key : of_pod.names.objects) state_->Follow(key, pod.metadata.uid);
  for (const TokenWish& wish : of_pod.names.tokens) state_->Ask(wish);
}

void ApiObjects::Forget(const std::string& uid) { state_->Forget(uid); }

bool ApiObjects::Answered(const std::string& uid) const {
  const auto pod = state_->pods.find(uid);
  if (pod == state_->pods.end()) return true;
  if (!state_->services || !state_->services->synced()) return false;
  const References& names = pod->second.names;
  return std::all_of(names.objects.begin(), names.objects.end(),
                     [this](const ObjectKey& key) { return state_->followed.at(key).answered; }) &&
         std::all_of(names.tokens.begin(), names.tokens.end(),
                     [this](const TokenWish& wish) { return state_->tickets.at(wish).answered; });
}

std::optional<kube::ConfigObject> ApiObjects::Find(bool secret, const std::string& namespace_name,
                                                   const std::string& name) const {
  {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->objects.find({secret, namespace_name, name});
    if (found != state_->objects.end()) return found->second;
  }
  return state_->local.Find(secret, namespace_name, name);
}

base::Result<std::string> ApiObjects::Token(const TokenWish& wish) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->tokens.find(wish);
  if (found == state_->tokens.end())
    return base::Unavailable("service account token: the API server has not answered yet");
  return found->second;
}

std::vector<std::pair<std::string, std::string>> ApiObjects::ServiceVariables(
    const std::string& namespace_name, bool links) const {
  std::vector<std::pair<std::string, std::string>> out;
  const auto add = [&out](const pod::ServiceFact& service) {
    for (auto& variable : pod::VariablesOf(service)) out.push_back(std::move(variable));
  };
  const std::lock_guard lock(state_->mutex);
  bool of_the_api = false;
  for (const auto& [name, service] : state_->known_services) {
    if (!links || name.ns != namespace_name) continue;
    of_the_api = of_the_api || name.name == "kubernetes";
    add(service);
  }
  const auto api = state_->known_services.find({"default", "kubernetes"});
  if (!of_the_api && api != state_->known_services.end()) add(api->second);
  return out;
}

}  // namespace keelson::cluster
