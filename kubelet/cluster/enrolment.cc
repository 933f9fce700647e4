// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/enrolment.h"

#include <algorithm>
#include <optional>

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/certificate/signing_request.h"

namespace keelson::cluster {

using base::Result;
using json::Value;

namespace {

constexpr char kRequests[] = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

// Names begin as upstream's.
Value ObjectFor(const std::string& request, bool serves) {
  Value usages =
      Value::Array({Value("digital signature"), Value(serves ? "server auth" : "client auth")});
  Value spec =
      Value::Object({{"signerName", Value(serves ? "kubernetes.io/kubelet-serving"
                                                 : "kubernetes.io/kube-apiserver-client-kubelet")},
                     {"request", Value(base::Base64Encode(request))},
                     {"usages", std::move(usages)}});
  Value metadata = Value::Object({{"generateName", Value(serves ? "csr-" : "node-csr-")}});
  return Value::Object({{"apiVersion", Value("certificates.k8s.io/v1")},
                        {"kind", Value("CertificateSigningRequest")},
                        {"metadata", std::move(metadata)},
                        {"spec", std::move(spec)}});
}

// That asking again does not help.
bool IsFinal(const base::Error& error) {
  const int status = kube::HttpStatusOf(error);
  return status >= 400 && status < 500 && status != 429 && status != 408;
}

}  // namespace

struct Enrolment::State : std::enable_shared_from_this<State> {
  State(kube::Api& a, Ask w, Options o) : api(a), wanted(std::move(w)), options(o) {}

  void After(std::chrono::milliseconds delay, void (State::*next)()) {
    timer = api.loop().After(delay, [this, next] {
      timer.reset();
      (this->*next)();
    });
  }
  void Send(kube::Api::Request request, void (State::*next)(const Value&)) {
    api.Send(std::move(request), [weak = weak_from_this(), next](Result<Value> answer) {
      const std::shared_ptr<State> self = weak.lock();
      if (!self || !self->done) return;
      if (answer.ok()) {
        self->backoff = self->options.min_backoff;
        return (self.get()->*next)(*answer);
      }
      if (IsFinal(answer.error())) return self->End(answer.error());
      base::LogWarn(
          "the node's certificate is asked for again",
          {{"in", std::to_string(self->backoff.count()) + "ms"}, {"error", answer.error()}});
      self->After(self->backoff, self->name.empty() ? &State::Begin : &State::Look);
      self->backoff = std::min(self->backoff * 2, self->options.max_backoff);
    });
  }
  void Begin() {
    if (made.request.empty()) {
      Result<certificate::SigningRequest> request =
          certificate::RequestAsNode(wanted.node, wanted.names);
      if (!request.ok()) return End(request.error());
      made = *std::move(request);
    }
    Send({.method = "POST",
          .path = kRequests,
          .body = json::WriteJson(ObjectFor(made.request, !wanted.names.empty()))},
         &State::Asked);
  }
  void Asked(const Value& object) {
    name = object.At({"metadata", "name"}).AsString();
    base::LogInfo(wanted.names.empty() ? "the node asks for a certificate"
                                       : "the node asks for a serving certificate, which waits "
                                         "until somebody approves it",
                  {{"request", name}});
    Seen(object);
  }
  void Look() { Send({.path = std::string(kRequests) + "/" + name}, &State::Seen); }
  void Seen(const Value& object) {
    for (const Value& condition : object.At({"status", "conditions"}).items()) {
      const std::string& type = condition.At({"type"}).AsString();
      if (type != "Denied" && type != "Failed") continue;
      return End(base::PermissionDenied("the signing request '{}' is {}: {}", name,
                                        type == "Denied" ? "denied" : "failed",
                                        condition.At({"message"}).AsString()));
    }
    const std::string& encoded = object.At({"status", "certificate"}).AsString();
    if (encoded.empty()) {
      After(look, &State::Look);
      look = std::min(look * 2, options.max_look_period);
      return;
    }
    const std::optional<std::string> signed_one = base::Base64Decode(encoded);
    if (!signed_one || !certificate::BelongTogether(*signed_one, made.key))
      return End(base::Internal("the signing request '{}' has another's certificate", name));
    End(*signed_one + (signed_one->ends_with('\n') ? "" : "\n") + made.key);
  }
  void End(Result<std::string> result) {
    const Done tell = std::exchange(done, nullptr);
    tell(std::move(result));
  }

  kube::Api& api;
  const Enrolment::Ask wanted;
  const Options options;
  Done done;
  certificate::SigningRequest made;
  std::string name;  // of the request, once the server has it
  std::chrono::milliseconds backoff = options.min_backoff, look = options.look_period;
  std::optional<os::EventLoop::TimerId> timer;
};

Enrolment::Enrolment(kube::Api& api, Ask ask, Options options)
    : state_(std::make_shared<State>(api, std::move(ask), options)) {}

Enrolment::~Enrolment() {
  state_->done = nullptr;
  if (state_->timer) state_->api.loop().CancelTimer(*state_->timer);
}

void Enrolment::Start(Done done) {
  state_->done = std::move(done);
  state_->Begin();
}

}  // namespace keelson::cluster
