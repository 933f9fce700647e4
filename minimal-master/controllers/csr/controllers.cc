// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/csr/controllers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "lib/base/log.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/apply.h"
#include "minimal-master/controllers/csr/plan.h"
#include "minimal-master/controllers/csr/serving.h"

namespace keelson::controllers::csr {
namespace {

using json::Value;

constexpr char kAs[] = "certificate-controller";
constexpr std::chrono::milliseconds kServingLooks{5000};

class OfRequests : public control::Controller {
 public:
  explicit OfRequests(const Context& context) : context_(context) {}
  std::vector<const schema::Resource*> Watches() const final { return {&requests_}; }
  void Route(const control::Change& change, const Add& add) final {
    if (change.kind != watch::Kind::kDeleted) add(std::string(change.object->name()));
  }
  control::Outcome Sync(const std::string& key) final {
    const std::optional<Value> csr = control::Get(context_.cache, requests_, "", key);
    return csr ? Look(*csr) : control::Outcome::Done();
  }

 protected:
  virtual control::Outcome Look(const Value& csr) = 0;
  control::Outcome Write(control::Write write) {
    return Apply(context_.client, kAs, {{std::move(write)}, std::nullopt});
  }

  const Context context_;

 private:
  const schema::Resource& requests_ =
      control::ResourceNamed("certificates.k8s.io", "certificatesigningrequests");
};

class Approver final : public OfRequests {
 public:
  using OfRequests::OfRequests;
  std::string_view name() const override {
    return "certificatesigningrequest-approving-controller";
  }

 private:
  control::Outcome Look(const Value& csr) override {
    if (AwaitsServing(csr))
      return context_.settings.approves_serving ? LookAtServing(csr) : control::Outcome::Done();
    const std::optional<Recognized> recognized = Recognize(csr);
    if (!recognized) return control::Outcome::Done();
    const status::Or<Value> answer = context_.client.Do(kAs, PlanReview(csr, *recognized));
    if (!answer.ok()) return control::Outcome::Failed(answer.failure().message);
    if (!answer->At({"status", "allowed"}).AsBool()) {
      return control::Outcome::Failed(
          fmt::format("recognized csr {} as [{}] but subject access review was not approved",
                      csr.At({"metadata", "name"}).AsString(), recognized->subresource));
    }
    return Write(PlanApproval(csr, *recognized));
  }

  // What it does not approve waits for people, or for the Node to say where it is.
  control::Outcome LookAtServing(const Value& csr) {
    const schema::Resource& nodes = control::ResourceNamed("", "nodes");
    const std::string& user = csr.At({"spec", "username"}).AsString();
    const std::string name = user.substr(std::min(user.size(), std::strlen("system:node:")));
    const Value own = control::Get(context_.cache, nodes, "", name).value_or(Value());
    Reserved reserved{.dns = context_.settings.server_names.dns,
                      .ips = context_.settings.server_names.ips,
                      .networks = context_.settings.networks.services};
    const auto& pods = context_.settings.networks.cluster;
    reserved.networks.insert(reserved.networks.end(), pods.begin(), pods.end());
    base::Status may = CheckServing(csr, own, {}, reserved);
    if (may.ok()) {
      std::vector<Value> all;
      for (const watch::ObjectPtr& node : control::List(context_.cache, nodes, ""))
        all.push_back(control::ParseFacts(*node));
      may = CheckServing(csr, own, all, reserved);
    }
    if (!may.ok()) {
      base::LogDebug("a node's serving certificate waits for somebody to approve it",
                     {{"request", csr.At({"metadata", "name"}).AsString()},
                      {"user", user},
                      {"error", may.error()}});
      return control::Outcome::After(kServingLooks);
    }
    return Write(PlanApproval(
        csr, {"", "Auto approving kubelet serving certificate: all it names is the node's own."}));
  }
};

class Signer final : public OfRequests {
 public:
  using OfRequests::OfRequests;
  std::string_view name() const override { return "certificatesigningrequest-signing-controller"; }

 private:
  control::Outcome Look(const Value& csr) override {
    if (!IsToBeSigned(csr)) return control::Outcome::Done();
    const int64_t now = context_.clock.WallNanos();
    return Write(PlanSigned(csr,
                            pki::Sign(*context_.settings.authority, AskOf(csr), now / 1'000'000'000,
                                      context_.settings.signing_seconds),
                            now));
  }
};

class Cleaner final : public OfRequests {
 public:
  using OfRequests::OfRequests;
  std::string_view name() const override { return "certificatesigningrequest-cleaner-controller"; }

 private:
  control::Outcome Look(const Value& csr) override {
    const std::optional<int64_t> end = EndOf(csr);
    if (!end) return control::Outcome::Done();
    if (const int64_t left = *end - context_.clock.WallNanos(); left >= 0)
      return control::Outcome::After(std::chrono::milliseconds(left / 1'000'000 + 1));
    return Write(control::Delete(
        control::ResourceNamed("certificates.k8s.io", "certificatesigningrequests"), "",
        csr.At({"metadata", "name"}).AsString(), csr.At({"metadata", "uid"}).AsString()));
  }
};

}  // namespace

std::vector<std::unique_ptr<control::Controller>> Controllers(const Context& context) {
  std::vector<std::unique_ptr<control::Controller>> out;
  out.push_back(std::make_unique<Approver>(context));
  if (context.settings.authority != nullptr) out.push_back(std::make_unique<Signer>(context));
  out.push_back(std::make_unique<Cleaner>(context));
  return out;
}

}  // namespace keelson::controllers::csr
