// SPDX-License-Identifier: Apache-2.0
// keelson-master: puts the control plane together from its parts and serves the API until SIGTERM
// or SIGINT.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "lib/base/log.h"
#include "lib/http/service/server.h"
#include "lib/log/log.h"
#include "lib/os/files.h"
#include "minimal-master/api/handler.h"
#include "minimal-master/api/reader.h"
#include "minimal-master/auth/rbac.h"
#include "minimal-master/bootstrap/objects.h"
#include "minimal-master/pki/cluster_pki.h"
#include "minimal-master/store/sqlite/sqlite_store.h"
#include "minimal-master/watch/cache.h"

namespace {

using namespace keelson;

struct Options {
  std::string state_dir = "/var/lib/keelson/master";
  std::string kubeconfig = "/etc/keelson/admin.kubeconfig";
  std::string address = "127.0.0.1";
  int port = 6443;
};

// Certificates of our own authority name the user and its groups; whoever shows none is anonymous.
status::Or<auth::User> Authenticate(const service::Request& request) {
  if (request.peer == nullptr) return auth::AnonymousUser();
  if (!request.peer->verified) return status::Unauthorized();
  const base::Result<pki::Certificate> certificate =
      pki::ParseCertificateDer(request.peer->der.front());
  if (!certificate.ok() || certificate->names.common_name.empty()) return status::Unauthorized();
  auth::User user;
  user.name = certificate->names.common_name;
  user.groups = certificate->names.organizations;
  auth::AddGroup(user, auth::kAuthenticated);
  user.extra["authentication.kubernetes.io/credential-id"] = {"X509SHA256=" + certificate->sha256};
  return user;
}

bool IsHealth(std::string_view path) {
  return path == "/healthz" || path == "/livez" || path == "/readyz" || path == "/version";
}

status::Or<bool> Authorize(const api::Route& route) {
  if (route.user.In(auth::kMasters)) return true;
  if (!route.is_resource && IsHealth(route.path)) return true;
  return status::Forbidden({route.group, route.resource}, route.name,
                           auth::ForbiddenText(route, ""));
}

base::Status Serve(const Options& options) {
  const base::SystemClock clock;
  RETURN_IF_ERROR(os::MakeDirs(options.state_dir, 0700));
  pki::PkiOptions pki_options;
  pki_options.dir = options.state_dir + "/pki";
  pki_options.ips = {options.address};
  pki_options.kubeconfig_path = options.kubeconfig;
  service::ServerOptions server_options;
  store::SqliteStore::Options store_options;
  store_options.dir = options.state_dir + "/store";
  ASSIGN_OR_RETURN(const std::unique_ptr<store::SqliteStore> store,
                   store::SqliteStore::Open(store_options, clock));
  const api::Reader reader;
  ASSIGN_OR_RETURN(const std::unique_ptr<watch::Cache> cache,
                   watch::Cache::Open(*store, reader, clock, {}));
  api::Engine engine(*store, *cache, clock);
  auth::User self;
  self.name = "system:apiserver";
  self.groups = {std::string(auth::kMasters)};
  RETURN_IF_ERROR(engine.InsertMissing(bootstrap::Objects(), self)
                      .WithContext("make the objects that every cluster begins with"));
  api::Watches watches(*cache, clock);
  api::Handler handler(engine, watches, {Authenticate, Authorize},
                       {fmt::format("{}:{}", options.address, options.port)});
  service::Server server(server_options, [&](std::shared_ptr<service::Exchange> exchange) {
    handler.Handle(std::move(exchange));
  });
  pki_options.server_url = fmt::format("https://{}:{}", options.address, options.port);
  ASSIGN_OR_RETURN(const pki::ClusterPki pki, pki::ClusterPki::Open(pki_options, clock));
  RETURN_IF_ERROR(
      server.SetTls({pki.serving_certificate(), pki.serving_key(), pki.authority().pem()}));
  ASSIGN_OR_RETURN(const int port,
                   server.ListenTls(fmt::format("{}:{}", options.address, options.port)));
  base::LogInfo("the API is served", {{"address", options.address}, {"port", port}});
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int caught = 0;
  sigwait(&signals, &caught);
  server.Stop();
  return base::Ok();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Keelson's control plane: the Kubernetes API in one process"};
  app.add_option("--state-dir", options.state_dir, "where keys and objects are kept");
  app.add_option("--kubeconfig", options.kubeconfig, "where the administrator's access is written");
  app.add_option("--address", options.address, "the address to serve on");
  app.add_option("--port", options.port, "the port to serve on");
  CLI11_PARSE(app, argc, argv);
  signal(SIGPIPE, SIG_IGN);
  // Before any thread is made, so that all inherit it: signals are waited for in one place.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  if (!log::LogToStandardError("info").ok()) return 2;
  const base::Status status = Serve(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "keelson-master: %s\n", status.error().message().c_str());
  return 1;
}
