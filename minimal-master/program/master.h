// SPDX-License-Identifier: Apache-2.0
// The control plane put together: owns every part, one below the other in the order in which they
// are made; each may refer to what stands above it and goes before it. Open() begins nothing that
// others see but the objects that every cluster begins with. Called by one thread; `clock` outlives
// it.
#pragma once

#include <atomic>
#include <memory>

#include "lib/base/clock.h"
#include "lib/http/service/server.h"
#include "lib/meter/registry.h"
#include "minimal-master/access/access.h"
#include "minimal-master/api/handler.h"
#include "minimal-master/api/local_client.h"
#include "minimal-master/api/reader.h"
#include "minimal-master/control/manager.h"
#include "minimal-master/health/health.h"
#include "minimal-master/node/nodes.h"
#include "minimal-master/page/page.h"
#include "minimal-master/program/options.h"
#include "minimal-master/scheduler/run/scheduler.h"
#include "minimal-master/usage/served.h"

namespace keelson::program {

class Master {
 public:
  static base::Result<std::unique_ptr<Master>> Open(const Options& options,
                                                    const base::Clock& clock);
  // Serves, then lets controllers and the scheduler begin. The port.
  base::Result<int> Start();
  // What is under way may end.
  void Stop();

  // Those that have lived two thirds of their time; false: nothing is due.
  base::Result<bool> RenewCertificates();
  void ReopenLogs();

 private:
  // What can fail while it is opened, in this order.
  struct Opened {
    std::unique_ptr<store::Store> store;
    std::unique_ptr<const api::Reader> reader;
    std::unique_ptr<watch::Cache> cache;
    allocation::Ranges ranges;
    std::unique_ptr<audit::Log> audit_log;  // null: nobody wants it
    std::unique_ptr<pki::ClusterPki> pki;
    page::Users page_users;
  };
  static base::Result<Opened> OpenParts(const Options& options, const base::Clock& clock);
  Master(const Options& options, const base::Clock& clock, Opened opened);

  // What the constructor cannot do, since it may fail; before anything is served.
  base::Status Prepare();
  front::Front::Options FrontOptions() const;
  api::Hooks EngineHooks();
  api::Gate Gate();
  api::Handler::Options HandlerOptions();
  // Paths that are no resources; false: none of ours.
  bool AnswerPage(service::Exchange& exchange, const api::Route& route);
  controllers::Settings ControllerSettings() const;
  base::Status ListenForPage();
  std::string PageHost() const;  // "127.0.0.1", without its port
  base::Status LoadCertificates();

  const Options options_;
  const base::Clock& clock_;
  const Opened opened_;
  store::Store& store_ = *opened_.store;
  watch::Cache& cache_ = *opened_.cache;
  pki::ClusterPki& pki_ = *opened_.pki;
  api::Engine engine_;
  // Before whatever keeps requests: those count until the last of it has let go of them.
  meter::Registry registry_;
  front::Front front_;
  api::Watches watches_;
  access::Access access_;
  std::unique_ptr<usage::Served> used_;  // all not null after Prepare()
  std::unique_ptr<node::Nodes> nodes_;
  std::unique_ptr<page::Page> page_;
  std::atomic<int> page_port_{0};
  std::atomic<bool> stopping_{false};
  const health::Health health_;
  api::Handler handler_;
  api::LocalClient client_;
  control::Recorder recorder_;
  const controllers::Settings settings_;
  control::Manager manager_;
  scheduler::run::Scheduler scheduler_;
  service::Server server_;
};

}  // namespace keelson::program
