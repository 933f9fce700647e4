// SPDX-License-Identifier: Apache-2.0
// The log of a container for somebody without a log-in: the one path of the API that is answered
// there, in narrow bounds, its answer with the page's safety headers. LocalLog is thread-safe and
// counts until the last holder lets go. For this folder alone.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "lib/http/service/exchange.h"
#include "minimal-master/api/route.h"
#include "minimal-master/page/guard.h"

namespace keelson::page {

// Nothing: `route` is a pod's log, and no more of it is asked for than may be.
std::optional<Refused> CheckLog(const service::Request& request, const api::Route& route);

class LocalLog final : public service::Exchange {
 public:
  // Null: there are `most` already.
  static std::shared_ptr<LocalLog> Begin(std::shared_ptr<service::Exchange> inner,
                                         std::shared_ptr<std::atomic<size_t>> count, size_t most);
  ~LocalLog() override { --*count_; }

  const service::Request& request() const override { return inner_->request(); }
  using Exchange::Respond;
  void Respond(int status, service::Fields headers, std::vector<service::Buffer> body) override;
  void Begin(int status, service::Fields headers) override;
  using Exchange::Write;
  service::Sent Write(std::vector<service::Buffer> pieces) override {
    return inner_->Write(std::move(pieces));
  }
  void End() override { inner_->End(); }
  void Abort() override { inner_->Abort(); }
  void OnDrain(std::function<void()> callback) override { inner_->OnDrain(std::move(callback)); }
  void OnGone(std::function<void()> callback) override { inner_->OnGone(std::move(callback)); }
  bool gone() const override { return inner_->gone(); }
  base::Result<std::shared_ptr<service::Tunnel>> Upgrade(service::Fields headers) override;

 private:
  LocalLog(std::shared_ptr<service::Exchange> inner, std::shared_ptr<std::atomic<size_t>> count)
      : inner_(std::move(inner)), count_(std::move(count)) {}

  const std::shared_ptr<service::Exchange> inner_;
  const std::shared_ptr<std::atomic<size_t>> count_;
};

}  // namespace keelson::page
