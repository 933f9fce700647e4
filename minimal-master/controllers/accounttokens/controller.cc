// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/accounttokens/controller.h"

#include "lib/base/strings.h"
#include "minimal-master/auth/legacy_token.h"

namespace keelson::controllers::accounttokens {
namespace {

using json::Value;

constexpr char kType[] = "kubernetes.io/service-account-token";
constexpr char kAccountName[] = "kubernetes.io/service-account.name";
constexpr char kAccountUid[] = "kubernetes.io/service-account.uid";

bool MayHoldToken(const watch::Object& secret) {
  return secret.bytes().view().find(kType) != std::string_view::npos;
}

}  // namespace

std::string AccountOf(const Value& secret) {
  if (secret.At({"type"}).AsString() != kType) return {};
  return secret.At({"metadata", "annotations", kAccountName}).AsString();
}

Planned Plan(const Facts& facts, const std::function<std::string()>& make) {
  const Value& secret = facts.secret;
  if (AccountOf(secret).empty() || control::IsBeingDeleted(secret)) return {};
  const schema::Resource& resource = control::ResourceNamed("", "secrets");
  const std::string& meant = secret.At({"metadata", "annotations", kAccountUid}).AsString();
  const std::string uid =
      facts.account ? facts.account->At({"metadata", "uid"}).AsString() : std::string();
  if (uid.empty() || (!meant.empty() && meant != uid)) {
    return {{control::Delete(resource, secret.At({"metadata", "namespace"}).AsString(),
                             secret.At({"metadata", "name"}).AsString(),
                             secret.At({"metadata", "uid"}).AsString())},
            std::nullopt};
  }
  Value changed = secret;
  Value data = secret.At({"data"}).IsObject() ? secret.At({"data"}) : Value::Object();
  const auto set = [&](const char* key, const std::string& text) {
    const Value encoded(base::Base64Encode(text));
    if (!(data.At({key}) == encoded)) data.Set(key, encoded);
  };
  set("ca.crt", facts.certificate);
  set("namespace", secret.At({"metadata", "namespace"}).AsString());
  if (data.At({"token"}).AsString().empty()) {
    const std::string token = make();
    if (token.empty()) return {};
    set("token", token);
  }
  changed.Set("data", std::move(data));
  Value notes = changed.At({"metadata", "annotations"});
  notes.Set(kAccountUid, Value(uid));
  changed.Find("metadata")->Set("annotations", std::move(notes));
  if (changed == secret) return {};
  return {{control::Update(resource, std::move(changed))}, std::nullopt};
}

void Filler::Route(const control::Change& change, const Add& add) {
  const watch::Object& object = *change.object;
  if (&change.resource == &secrets_) {
    if (change.kind != watch::Kind::kDeleted && MayHoldToken(object)) add(control::KeyOf(object));
    return;
  }
  if (change.kind == watch::Kind::kModified) return;
  for (const watch::ObjectPtr& secret : control::List(context_.cache, secrets_, object.ns())) {
    if (MayHoldToken(*secret)) add(control::KeyOf(*secret));
  }
}

control::Outcome Filler::Sync(const std::string& key) {
  const auto [ns, name] = control::SplitKey(key);
  const std::optional<Value> secret = control::Get(context_.cache, secrets_, ns, name);
  if (!secret) return control::Outcome::Done();
  const std::string account = AccountOf(*secret);
  if (account.empty()) return control::Outcome::Done();
  Facts facts{*secret, control::Get(context_.cache, accounts_, ns, account),
              context_.settings.authority->pem()};
  return Apply(context_.client, "tokens-controller", Plan(facts, [&, &space = ns, &of = name] {
                 const base::Result<std::string> token = auth::SignLegacyToken(
                     *context_.settings.token_key, space,
                     {account, facts.account->At({"metadata", "uid"}).AsString()}, of);
                 return token.ok() ? *token : std::string();
               }));
}

}  // namespace keelson::controllers::accounttokens
