// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/program/master.h"

#include <cmath>

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "minimal-master/access/grants.h"
#include "minimal-master/access/reviews.h"
#include "minimal-master/bootstrap/objects.h"
#include "minimal-master/controllers/all.h"
#include "minimal-master/controllers/ipam/blocks.h"
#include "minimal-master/controllers/unattended.h"
#include "minimal-master/front/figures.h"
#include "minimal-master/program/checks.h"

namespace keelson::program {
namespace {

constexpr char kKeys[] = "/registry/";  // everything that is kept

std::string ClusterIp(const allocation::Ranges& ranges) {
  return ranges.services.empty() ? "" : ranges.services.front().At(1);
}

// The tenth, as everybody's installers have it; none where there are not so many.
std::string DnsIp(const allocation::Ranges& ranges) {
  if (ranges.services.empty()) return "";
  const std::string address = ranges.services.front().At(10);
  return ranges.services.front().Contains(address) ? address : "";
}

// The server's own errors, as the API tells errors.
std::pair<std::string, std::string> FormatError(int code, const std::string& message) {
  status::Failure failure{.code = code, .reason = "", .message = message};
  if (code == 413) failure.reason = "RequestEntityTooLarge";
  if (code == 400) failure.reason = "BadRequest";
  if (code == 500) failure.reason = "InternalError";
  if (code == 503) failure.reason = "ServiceUnavailable";
  return {"application/json", json::WriteJson(status::ToJson(failure)) + "\n"};
}

service::ServerOptions ServerOptions() {
  service::ServerOptions options;
  options.format_error = FormatError;
  return options;
}

// In the autoscaler's units.
std::optional<hpa::Sample> SampleOf(const std::optional<usage::PodUse>& use) {
  if (!use) return std::nullopt;
  hpa::Sample sample;
  sample.seconds = use->at_millis / 1000;
  sample.window_seconds = (use->window_millis + 500) / 1000;
  for (const auto& [name, one] : use->containers) {
    sample.containers[name] = {{"cpu", static_cast<int64_t>(std::llround(one.cores * 1000))},
                               {"memory", static_cast<int64_t>(one.memory_bytes * 1000)}};
  }
  return sample;
}

}  // namespace

base::Result<Master::Opened> Master::OpenParts(const Options& options, const base::Clock& clock) {
  if (const auto networks = controllers::ipam::ReadNetworks(options.controllers.networks);
      !networks.ok())
    return networks.error();
  RETURN_IF_ERROR(os::MakeDirs(options.state_dir, 0700));
  Opened opened;
  ASSIGN_OR_RETURN(opened.store, store::OpenBackend(options.store, kKeys, clock));
  opened.reader = std::make_unique<const api::Reader>();
  ASSIGN_OR_RETURN(opened.cache,
                   watch::Cache::Open(*opened.store, *opened.reader, clock, {.prefix = kKeys}));
  ASSIGN_OR_RETURN(opened.ranges, options.ServiceRanges());
  if (!options.audit.path.empty()) {
    ASSIGN_OR_RETURN(opened.audit_log, audit::Log::Open(options.audit));
  }
  ASSIGN_OR_RETURN(pki::ClusterPki pki,
                   pki::ClusterPki::Open(options.Pki(ClusterIp(opened.ranges)), clock));
  opened.pki = std::make_unique<pki::ClusterPki>(std::move(pki));
  ASSIGN_OR_RETURN(opened.page_users, page::WithUsers(page::OwnUsers(), options.page_users));
  return opened;
}

base::Result<std::unique_ptr<Master>> Master::Open(const Options& options,
                                                   const base::Clock& clock) {
  ASSIGN_OR_RETURN(Opened opened, OpenParts(options, clock));
  std::unique_ptr<Master> master(new Master(options, clock, std::move(opened)));
  RETURN_IF_ERROR(master->Prepare());
  return master;
}

Master::Master(const Options& options, const base::Clock& clock, Opened opened)
    : options_(options),
      clock_(clock),
      opened_(std::move(opened)),
      engine_(store_, cache_, clock),
      front_(registry_, clock, FrontOptions()),
      watches_(cache_, clock),
      access_(cache_, clock, {.token_keys = pki_.service_account_keys()}),
      health_(ChecksOf(store_, cache_, stopping_)),
      handler_(engine_, watches_, Gate(), HandlerOptions()),
      client_(engine_),
      recorder_(client_, clock),
      settings_(ControllerSettings()),
      manager_(cache_, clock),
      scheduler_({cache_, client_, recorder_, clock},
                 {.metrics = options.schedules ? &registry_ : nullptr}),
      server_(ServerOptions(), [this](std::shared_ptr<service::Exchange> exchange) {
        if (exchange->request().tls) return handler_.Handle(std::move(exchange));
        page_->HandleLocal(std::move(exchange), fmt::format("{}:{}", PageHost(), page_port_));
      }) {
  engine_.services().SetRanges(opened_.ranges);
  controllers::AddControllers(manager_, {cache_, client_, recorder_, clock_, settings_});
  front::AddProgram(registry_, api::Handler::Options().version);
  front::AddStorage(registry_, store_, cache_);
  front::AddQueues(registry_, [this] { return manager_.Stats(); });
}

base::Status Master::Prepare() {
  auth::User self;
  self.name = "system:apiserver";
  self.groups = {std::string(auth::kMasters)};
  RETURN_IF_ERROR(engine_.InsertMissing(bootstrap::Objects(), self)
                      .WithContext("make the objects that every cluster begins with"));
  std::string authority = pki_.authority().pem();
  service::Trust trust = service::Trust::kOthersToo;
  if (!options_.kubelet_authority_file.empty()) {
    ASSIGN_OR_RETURN(authority, os::ReadFile(options_.kubelet_authority_file));
    trust = service::Trust::kAuthorities;
  }
  ASSIGN_OR_RETURN(used_,
                   usage::Served::Start(cache_, clock_,
                                        {.period = std::chrono::seconds(options_.metric_seconds),
                                         .kubelet_authority = authority,
                                         .trust = trust,
                                         .certificate = pki_.kubelet_client_certificate(),
                                         .key = pki_.kubelet_client_key()}));
  ASSIGN_OR_RETURN(nodes_, node::Nodes::Start(cache_, {.kubelet_authority = authority,
                                                       .trust = trust,
                                                       .authorize = Gate().authorize}));
  page_ = std::make_unique<page::Page>(
      cache_, *used_, clock_,
      page::Page::Options{
          .version = api::Handler::Options().version,
          .users = opened_.page_users,
          .log = [this](std::shared_ptr<service::Exchange> exchange, const api::Route& route) {
            nodes_->Connect(std::move(exchange), route);
          }});
  engine_.SetHooks(EngineHooks());
  return LoadCertificates();
}

base::Result<int> Master::Start() {
  // The port first: who does not get it writes nothing.
  ASSIGN_OR_RETURN(const int port, server_.ListenTls(options_.Endpoint()));
  RETURN_IF_ERROR(ListenForPage());
  RETURN_IF_ERROR(manager_.Start());
  if (options_.schedules) scheduler_.Start();
  return port;
}

std::string Master::PageHost() const {
  return options_.page_address.substr(0, options_.page_address.rfind(':'));
}

base::Status Master::ListenForPage() {
  if (options_.page_address.empty()) return base::Ok();
  const base::Result<int> port = server_.ListenPlain(options_.page_address);
  if (!port.ok() && options_.page_address_said) return port.error().WithContext("serve the page");
  if (!port.ok()) {
    base::LogWarn("the page is not served without a log-in, only on the API's port",
                  {{"error", port.error()}});
    return base::Ok();
  }
  page_port_ = *port;
  base::LogInfo("the page is served", {{"url", fmt::format("http://{}:{}/", PageHost(), *port)}});
  return base::Ok();
}

void Master::Stop() {
  stopping_ = true;
  server_.Stop();
  scheduler_.Stop();
  manager_.Stop();
}

base::Result<bool> Master::RenewCertificates() {
  if (clock_.WallNanos() / 1'000'000'000 < pki_.NextRenewal()) return false;
  RETURN_IF_ERROR(pki_.Renew());
  RETURN_IF_ERROR(LoadCertificates());
  return true;
}

void Master::ReopenLogs() {
  if (opened_.audit_log) opened_.audit_log->Reopen();
}

base::Status Master::LoadCertificates() {
  RETURN_IF_ERROR(
      nodes_->SetCertificate(pki_.kubelet_client_certificate(), pki_.kubelet_client_key()));
  used_->SetCertificate(pki_.kubelet_client_certificate(), pki_.kubelet_client_key());
  return server_.SetTls({pki_.serving_certificate(), pki_.serving_key(), pki_.authority().pem()});
}

front::Front::Options Master::FrontOptions() const {
  front::Front::Options options = options_.front;
  options.audit = opened_.audit_log.get();
  return options;
}

api::Hooks Master::EngineHooks() {
  return {.answer = [this](const auth::User& user, const std::string& ns,
                           json::Value object) -> std::optional<status::Or<json::Value>> {
            if (!access::IsReview(object)) return std::nullopt;
            return access::Answer(access_, user, ns, std::move(object));
          },
          .may_write =
              [this](const auth::User& user, const json::Value& object, const json::Value* old) {
                return access::MayGrant(access_, user, object, old);
              },
          .make_token =
              [this](const std::string& ns, const std::string& account, json::Value request) {
                return access_.RequestToken(ns, account, std::move(request));
              },
          .computed = [this](const schema::Resource& resource,
                             const std::string& ns) { return used_->Objects(resource, ns); },
          .notice =
              [](const schema::Resource& resource) {
                return controllers::Unattended(resource.group(), resource.name());
              }};
}

api::Gate Master::Gate() {
  return {[this](const service::Request& request) { return access_.Authenticate(request); },
          [this](const api::Route& route) { return access_.Authorize(route); }};
}

api::Handler::Options Master::HandlerOptions() {
  return {
      .address = options_.Endpoint(),
      .connect = [this](std::shared_ptr<service::Exchange> exchange,
                        const api::Route& route) { nodes_->Connect(std::move(exchange), route); },
      .visit = [this](std::shared_ptr<service::Exchange> exchange,
                      const api::Route& route) { return front_.Begin(std::move(exchange), route); },
      .page = [this](service::Exchange& exchange,
                     const api::Route& route) { return AnswerPage(exchange, route); }};
}

bool Master::AnswerPage(service::Exchange& exchange, const api::Route& route) {
  auto answer = health_.Page(route.path, exchange.request().query);
  if (!answer && route.path == "/metrics") answer = front::MetricsPage(registry_);
  if (!answer) return page_->Answer(exchange);
  api::Send(exchange, *std::move(answer));
  return true;
}

controllers::Settings Master::ControllerSettings() const {
  controllers::Settings settings = options_.controllers;
  settings.authority = &pki_.authority();
  settings.token_key = &pki_.service_account_key();
  if (const auto own = pki::ParseCertificate(pki_.serving_certificate()); own.ok())
    settings.server_names = own->names;
  settings.usage = [this](const std::string& ns, const std::string& pod) {
    return SampleOf(used_->Pod(ns, pod));
  };
  settings.dns_address = DnsIp(opened_.ranges);
  settings.own_address = {ClusterIp(opened_.ranges), options_.OwnAddress(), options_.port};
  settings.nodes.silence = std::chrono::seconds(options_.node_grace_seconds);
  for (const std::string_view cidr : base::Split(std::string_view(options_.service_cidr), ','))
    settings.networks.services.emplace_back(cidr);
  return settings;
}

}  // namespace keelson::program
