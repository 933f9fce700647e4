// SPDX-License-Identifier: Apache-2.0
// One request on its way through the front: an exchange that watches what is written to the one
// behind it. It has ended when its answer is whole, or when nobody holds it any more. Private to
// this folder.
#pragma once

#include <atomic>
#include <mutex>

#include "minimal-master/audit/event.h"
#include "minimal-master/front/front.h"

namespace keelson::front {

class Observed final : public api::Visit,
                       public service::Exchange,
                       public std::enable_shared_from_this<Observed> {
 public:
  Observed(Front& front, std::shared_ptr<service::Exchange> inner, const api::Route& route);
  ~Observed() override;

  // Visit.
  std::shared_ptr<service::Exchange> exchange() override { return shared_from_this(); }
  bool Enter(const api::Route& route) override;
  void Decided(bool allowed) override;

  // Exchange.
  const service::Request& request() const override { return inner_->request(); }
  using Exchange::Respond;
  void Respond(int status, service::Fields headers, std::vector<service::Buffer> body) override;
  void Begin(int status, service::Fields headers) override;
  using Exchange::Write;
  service::Sent Write(std::vector<service::Buffer> pieces) override;
  void End() override;
  void Abort() override;
  void OnDrain(std::function<void()> callback) override { inner_->OnDrain(std::move(callback)); }
  void OnGone(std::function<void()> callback) override { inner_->OnGone(std::move(callback)); }
  bool gone() const override { return inner_->gone(); }
  base::Result<std::shared_ptr<service::Tunnel>> Upgrade(service::Fields headers) override;

 private:
  friend class Front;
  void TimeIsUp();
  bool Began(int code);  // false: it was answered already
  void Finish(std::string_view answer);
  void Audit(audit::Stage stage, std::string_view answer);

  Front& front_;
  const std::shared_ptr<service::Exchange> inner_;
  const base::SteadyTime begun_;
  const int64_t received_nanos_;
  const bool mutating_;
  const bool long_running_;
  const bool audited_;
  const std::string id_;
  Meters::Series& series_;
  const base::SteadyTime deadline_;
  // Guarded by the mutex of its shard.
  Observed* previous_ = nullptr;
  Observed* next_ = nullptr;
  bool enlisted_ = false;
  std::atomic<bool> seated_{false};
  bool counted_running_ = false;
  std::mutex mutex_;
  auth::Attributes attributes_;  // guarded by mutex_; kept for the audit log alone
  std::atomic<audit::Decision> decision_{audit::Decision::kNone};
  std::atomic<int> code_{0};
  std::atomic<size_t> body_bytes_{0};
  std::atomic<size_t> event_bytes_{0};  // of an event whose end was not written yet
  std::atomic<bool> finished_{false};
};

}  // namespace keelson::front
