// SPDX-License-Identifier: Apache-2.0
// The one engine of all resources: reads from the watch cache, writes through defaults, strategy
// and validation into the store. Called on the server's worker threads, many at once; writes block
// until they are durable, reads never. `store`, `cache` and `clock` outlive it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "minimal-master/api/answer.h"
#include "minimal-master/api/options.h"
#include "minimal-master/api/route.h"
#include "minimal-master/api/services.h"
#include "minimal-master/store/store.h"
#include "minimal-master/watch/cache.h"

namespace keelson::api {

// One request on its way. Warnings become headers of the answer.
struct Call {
  const service::Request& request;
  const Route& route;
  const auth::User& user;
  std::vector<std::string> warnings;
};

// An object that was read or written: bytes of its canonical JSON with its resourceVersion.
struct Written {
  std::string json;
  bool created = false;
};

// What others know of objects that are sent; chosen by `program`, any may be empty.
struct Hooks {
  // The answer to an object that is a question and not kept (a review); nothing: it is kept.
  std::function<std::optional<status::Or<json::Value>>(const auth::User& user,
                                                       const std::string& ns, json::Value object)>
      answer;
  // True, or why `user` may not write this object (`old`: null when it is new), though the verb and
  // the resource are allowed: roles give rights away.
  std::function<status::Or<bool>(const auth::User& user, const json::Value& object,
                                 const json::Value* old)>
      may_write;
  // A TokenRequest with its status, for a service account.
  std::function<status::Or<json::Value>(const std::string& ns, const std::string& account,
                                        json::Value request)>
      make_token;
  // Objects of a resource that is not stored but known otherwise, by name; nothing: it is stored.
  // `ns` is empty for all namespaces.
  std::function<std::optional<std::vector<json::Value>>(const schema::Resource& resource,
                                                        const std::string& ns)>
      computed;
  // What is said to whoever makes an object of this kind, beside what the object itself calls for.
  std::function<std::string_view(const schema::Resource& resource)> notice;
};

class Engine {
 public:
  Engine(store::Store& store, watch::Cache& cache, const base::Clock& clock)
      : store_(store), cache_(cache), clock_(clock) {}

  // Both before the first request.
  Services& services() { return services_; }
  void SetHooks(Hooks hooks) { hooks_ = std::move(hooks); }

  Answer Get(const Call& call);
  Answer List(const Call& call);
  Answer Create(Call& call);
  bool MakesTokens() const { return static_cast<bool>(hooks_.make_token); }
  Answer CreateToken(Call& call);  // serviceaccounts/token
  // Subresources with rules of their own.
  Answer Scale(Call& call);
  Answer Bind(Call& call);
  Answer Evict(Call& call);
  Answer Finalize(Call& call);
  Answer Approve(Call& call);
  Answer Update(Call& call);
  Answer Patch(Call& call);
  Answer Delete(const Call& call);
  Answer DeleteCollection(const Call& call);

  // Makes an object for the server's own parts, as `user`; the bytes, or why not.
  status::Or<std::string> Insert(const schema::Resource& resource, const std::string& ns,
                                 json::Value object, const auth::User& user);
  // Those of `objects` that are not there, in few commits: what a fresh cluster begins with.
  // NotFound or the like of one does not keep the others; the first such error is returned.
  base::Status InsertMissing(std::vector<json::Value> objects, const auth::User& user);

  watch::Cache& cache() { return cache_; }
  const base::Clock& clock() const { return clock_; }

 private:
  friend class LocalClient;
  // What becomes of the current object (null: there is none yet).
  using Change = std::function<status::Or<json::Value>(const json::Value* current)>;
  // A write makes its manager the owner of what it changed, unless the change says itself who owns
  // what: then `owners` (JSON as in managedFields) are those there were before it, and what it
  // makes of them.
  status::Or<Written> Store(Call& call, const WriteOptions& options, const std::string& name,
                            const Change& change, bool may_create, std::string* owners = nullptr);
  // The change of a patch, of server-side apply or another.
  Change PatchedBy(Call& call, const WriteOptions& options);
  Change AppliedBy(Call& call, const WriteOptions& options, const json::Value& config,
                   std::string& owners);
  struct Prepared {
    std::string key;
    std::string name;
    std::string bytes;
    std::vector<std::string> warnings;
    std::unique_lock<std::mutex> given;  // of a service, until it is stored
  };
  // Everything that happens to a new object before it is stored. `manager`: who owns its fields;
  // empty: `owners` do.
  status::Or<Prepared> Prepare(const schema::Resource& resource, const std::string& ns,
                               json::Value object, const auth::User& user,
                               const std::string& manager, std::string_view owners);
  status::Or<std::string> CommitNew(const schema::Resource& resource, const Prepared& prepared);
  status::Or<std::string> CreateOnce(Call& call, const WriteOptions& options, json::Value object,
                                     const std::string* owners = nullptr);
  status::Or<Written> BindTo(Call& call, const WriteOptions& options, const json::Value& binding);
  // Counts an eviction against the budget that covers the pod, or refuses it. True: without a
  // count, and only as long as the pod is this one.
  status::Or<bool> TakeFromBudget(const Call& call, const watch::ObjectPtr& pod, bool dry_run);
  status::Or<bool> TellAndDelete(Call& call, json::Value options);
  // A delete of the call's object with these DeleteOptions; what is answered to it.
  status::Or<std::string> DeleteWith(const Call& call, const json::Value& options);
  Answer Show(const Call& call, int code, std::string json);
  // As if they lay in the store; nothing: the resource is one that does.
  status::Failure NothingKnown(const schema::Resource& resource, const Route& route) const;
  std::optional<std::vector<watch::ObjectPtr>> Computed(const schema::Resource& resource,
                                                        const std::string& ns) const;
  std::string Now() const;

  store::Store& store_;
  watch::Cache& cache_;
  const base::Clock& clock_;
  Services services_;
  Hooks hooks_;
};

}  // namespace keelson::api
