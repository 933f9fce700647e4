// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/bootstraptokens/controllers.h"

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/bootstraptokens/plan.h"

namespace keelson::controllers::bootstraptokens {
namespace {

using json::Value;

bool MayBeToken(const watch::Object& secret) {
  return secret.ns() == kTokens && secret.name().starts_with("bootstrap-token-");
}

class Cleaner final : public control::Controller {
 public:
  explicit Cleaner(const Context& context) : context_(context) {}
  std::string_view name() const override { return "token-cleaner-controller"; }
  std::vector<const schema::Resource*> Watches() const override { return {&secrets_}; }
  void Route(const control::Change& change, const Add& add) override {
    // Upstream's goes by the type alone, in this namespace.
    if (change.kind != watch::Kind::kDeleted && change.object->ns() == kTokens)
      add(std::string(change.object->name()));
  }
  control::Outcome Sync(const std::string& key) override {
    const std::optional<Value> secret = control::Get(context_.cache, secrets_, kTokens, key);
    if (!secret) return control::Outcome::Done();
    return Apply(context_.client, "token-cleaner", PlanToken(*secret, context_.clock.WallNanos()));
  }

 private:
  const Context context_;
  const schema::Resource& secrets_ = control::ResourceNamed("", "secrets");
};

class Signer final : public control::Controller {
 public:
  explicit Signer(const Context& context) : context_(context) {}
  std::string_view name() const override { return "bootstrap-signer-controller"; }
  std::vector<const schema::Resource*> Watches() const override { return {&secrets_, &maps_}; }
  void Route(const control::Change& change, const Add& add) override {
    const bool info = &change.resource == &maps_ && change.object->ns() == kPublic &&
                      change.object->name() == kInfo && change.kind != watch::Kind::kDeleted;
    const bool token = &change.resource == &secrets_ && MayBeToken(*change.object);
    if (info || token) add(kInfo);
  }
  control::Outcome Sync(const std::string& /*key*/) override {
    const std::optional<Value> info = control::Get(context_.cache, maps_, kPublic, kInfo);
    if (!info) return control::Outcome::Done();
    std::vector<SigningToken> tokens;
    for (const watch::ObjectPtr& secret : control::List(context_.cache, secrets_, kTokens)) {
      if (!MayBeToken(*secret)) continue;
      if (auto token = ReadSigningToken(control::Parse(*secret), context_.clock.WallNanos()))
        tokens.push_back(*std::move(token));
    }
    return Apply(context_.client, "bootstrap-signer", PlanInfo(*info, tokens));
  }
  size_t Workers() const override { return 1; }

 private:
  const Context context_;
  const schema::Resource& secrets_ = control::ResourceNamed("", "secrets");
  const schema::Resource& maps_ = control::ResourceNamed("", "configmaps");
};

}  // namespace

std::vector<std::unique_ptr<control::Controller>> Controllers(const Context& context) {
  std::vector<std::unique_ptr<control::Controller>> out;
  out.push_back(std::make_unique<Cleaner>(context));
  out.push_back(std::make_unique<Signer>(context));
  return out;
}

}  // namespace keelson::controllers::bootstraptokens
