// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/servers.h"

#include "lib/base/ip_address.h"
#include "lib/os/listen.h"

namespace keelson::cluster {
namespace {

base::Result<Serving::Settings> SettingsOf(const Servers::Given& given) {
  const config::KubeletConfig& config = given.config;
  Serving::Settings settings;
  settings.node = settings.tls.node = given.node;
  settings.endpoint = base::Endpoint(config.address, config.port);
  settings.offer = OfferOf(config);
  settings.tls.names = {given.node};
  settings.tls.names.insert(settings.tls.names.end(), given.addresses.begin(),
                            given.addresses.end());
  settings.tls.certificates = given.root_dir + "/pki";
  settings.tls.cert_file = config.tls_cert_file;
  settings.tls.key_file = config.tls_private_key_file;
  settings.tls.bootstrap = config.server_tls_bootstrap;
  ASSIGN_OR_RETURN(settings.tls.terms,
                   config::TermsOf(config.tls_min_version, config.tls_cipher_suites));
  return settings;
}

}  // namespace

node_api::Offer OfferOf(const config::KubeletConfig& config) {
  return {.debugging = config.enable_debugging_handlers,
          .system_logs = config.enable_system_log_handler,
          .profiling = config.enable_profiling_handler,
          .verbosity = config.enable_debug_flags_handler,
          .checkpoint = config.container_checkpoint,
          .statusz = config.component_statusz,
          .flagz = config.component_flagz};
}

base::Result<std::unique_ptr<Servers>> Servers::Open(const Given& given) {
  std::unique_ptr<Servers> made(new Servers(given));
  const node_api::Views views{.node = given.view,
                              .streams = made->streams_,
                              .figures = made->figures_,
                              .metrics = given.metrics,
                              .probe_metrics = given.probe_metrics,
                              .container_metrics =
                                  [&runtime = given.runtime, machine = given.machine] {
                                    return node_api::ReadContainerMetrics(runtime, machine);
                                  },
                              .program = given.program,
                              .checkpoints = given.root_dir + "/checkpoints"};
  if (given.config.read_only_port != 0) {
    base::Result<std::unique_ptr<node_api::ReadOnly>> opened = node_api::ReadOnly::Listen(
        base::Endpoint(given.config.address, given.config.read_only_port), views,
        OfferOf(given.config), given.clock);
    if (!opened.ok())
      return opened.error().WithContext("the port for reading (readOnlyPort 0 turns it off)");
    made->read_only_ = std::move(opened).value();
  }
  if (given.api != nullptr && given.config.port != 0) {
    ASSIGN_OR_RETURN(const Serving::Settings settings, SettingsOf(given));
    base::Result<std::unique_ptr<Serving>> opened =
        Serving::Open(*given.api, given.clock, views, settings);
    if (!opened.ok())
      return opened.error().WithContext("the node's API (port 0 or --port 0 turns it off)");
    made->serving_ = std::move(opened).value();
  }
  return made;
}

void Servers::Start() {
  if (serving_) serving_->Start();
}

}  // namespace keelson::cluster
