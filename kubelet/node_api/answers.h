// SPDX-License-Identifier: Apache-2.0
// Answers by path, from views: what both servers do once it is settled that somebody may ask.
// Thread-safe; views and the clock outlive it. The destructor ends what is under way.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "kubelet/node_api/figures.h"
#include "kubelet/node_api/paths.h"
#include "kubelet/node_api/readers.h"
#include "kubelet/node_api/streams.h"
#include "kubelet/node_api/zpages.h"
#include "kubelet/server/node_view.h"
#include "kubelet/server/routes.h"
#include "lib/http/passage/passages.h"
#include "lib/http/service/exchange.h"
#include "lib/http/service/options.h"

namespace keelson::node_api {

struct Views {
  const server::NodeView& node;
  Streams& streams;
  FiguresView& figures;
  // Texts for Prometheus; may be empty.
  std::function<std::string()> metrics, probe_metrics;
  std::function<base::Result<std::string>()> container_metrics;
  Program program;
  std::string logs = "/var/log";  // the machine's
  std::string checkpoints;        // the folder of containers' checkpoints
};

// Of a kubelet's servers, as upstream's: four hours for what a client sends or takes, a minute and
// a half of nothing between requests. Only a request's head has less: nobody needs long for that.
service::ServerOptions KubeletServerOptions();

class Answers {
 public:
  using ExchangePtr = std::shared_ptr<service::Exchange>;
  static base::Result<std::unique_ptr<Answers>> Make(Views views, Offer offer, size_t most_readers,
                                                     const base::Clock& clock);
  ~Answers();
  void Answer(ExchangePtr exchange);

 private:
  Answers(Views views, Offer offer, size_t most_readers, const base::Clock& clock,
          std::unique_ptr<passage::Passages> passages, passage::Tls to_runtime);
  void AnswerView(const ExchangePtr& exchange);
  void Respond(const ExchangePtr& exchange, http::Response response);
  void AnswerSummary(service::Exchange& exchange);
  void AnswerContainerMetrics(service::Exchange& exchange);
  void AnswerRun(service::Exchange& exchange, const Route& route);
  void AnswerCheckpoint(service::Exchange& exchange, const Route& route);
  void AnswerLog(const ExchangePtr& exchange, const std::string& path);
  void AnswerSession(ExchangePtr exchange, const Route& route);
  void HandOn(ExchangePtr exchange, const std::string& url);

  const Views views_;
  const Offer offer_;
  const base::Clock& clock_;
  const http::Handler view_routes_;
  const std::unique_ptr<passage::Passages> passages_;
  const passage::Tls to_runtime_;
  std::atomic<int> running_{0};  // commands that are waited for
  Readers readers_;
};

void Say(service::Exchange& exchange, int status, std::string text,
         const char* type = "text/plain; charset=utf-8");

}  // namespace keelson::node_api
