// SPDX-License-Identifier: Apache-2.0
#include "lib/systemd/services.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <charconv>

#include "lib/systemd/connection.h"

namespace keelson::systemd {
namespace {

using base::Code;
using base::Error;
using base::Result;
using base::Status;

template <typename Number>
Number ToNumber(const std::string& text) {
  Number number = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

class ManagerOfServices final : public Services {
 public:
  ManagerOfServices(const Library& library, const BusOptions& options, os::UniqueFd wake)
      : caller_(library, options, std::move(wake)) {}

  Result<int> Version() override {
    ASSIGN_OR_RETURN(const std::string text,
                     caller_.Property("", "Manager", "Version", Reply::kText));
    return ToNumber<int>(text);  // "252.38-1~deb12u1"
  }
  Status Reload() override { return Ask("", "Reload", Reply::kNothing, nullptr); }
  Status Enable(const std::string& unit) override {
    return Ask(unit, "EnableUnitFiles", Reply::kNothing, [&](sd_bus_message* message) {
      return caller_.sd().sd_bus_message_append(message, "asbb", 1, unit.c_str(), 0, 0);
    });
  }
  Status Disable(const std::string& unit) override {
    return Ask(unit, "DisableUnitFiles", Reply::kNothing, [&](sd_bus_message* message) {
      return caller_.sd().sd_bus_message_append(message, "asb", 1, unit.c_str(), 0);
    });
  }
  Status Start(const std::string& unit) override { return Job(unit, "StartUnit"); }
  Status Restart(const std::string& unit) override { return Job(unit, "RestartUnit"); }
  Status Stop(const std::string& unit) override { return UnlessGone(Job(unit, "StopUnit")); }
  Status ResetFailed(const std::string& unit) override {
    return UnlessGone(Ask(unit, "ResetFailedUnit", Reply::kNothing, [&](sd_bus_message* message) {
      return caller_.sd().sd_bus_message_append(message, "s", unit.c_str());
    }));
  }

  Result<Service> Look(const std::string& unit) override {
    Service out;
    Status failed;
    const auto get = [&](const char* interface, const char* name, Reply type) {
      if (!failed.ok()) return std::string();
      base::Result<std::string> text = caller_.Property(unit, interface, name, type);
      if (!text.ok()) failed = text.error();
      return std::move(text).ValueOr("");
    };
    out.load = get("Unit", "LoadState", Reply::kText);
    out.file = get("Unit", "FragmentPath", Reply::kText);
    out.active = get("Unit", "ActiveState", Reply::kText);
    out.sub = get("Unit", "SubState", Reply::kText);
    out.outdated = get("Unit", "NeedDaemonReload", Reply::kBool) == "1";
    out.changed = ToNumber<uint64_t>(get("Unit", "StateChangeTimestamp", Reply::kUint64));
    out.main_pid = ToNumber<uint32_t>(get("Service", "MainPID", Reply::kUint32));
    out.restarts = ToNumber<uint32_t>(get("Service", "NRestarts", Reply::kUint32));
    out.result = get("Service", "Result", Reply::kText);
    out.end_kind = ToNumber<int>(get("Service", "ExecMainCode", Reply::kInt32));
    out.end_status = ToNumber<int>(get("Service", "ExecMainStatus", Reply::kInt32));
    if (!failed.ok()) return failed.error();
    return out;
  }

 private:
  Status Ask(const std::string& unit, const char* member, Reply reply,
             std::function<int(sd_bus_message*)> fill) {
    Call call{unit, kManagerPath, kManager, member, std::move(fill), reply};
    if (!call.fill) call.fill = [](sd_bus_message*) { return 0; };
    return caller_.Ask(call).status;
  }
  Status Job(const std::string& unit, const char* member) {
    return Ask(unit, member, Reply::kJob, [&](sd_bus_message* message) {
      return caller_.sd().sd_bus_message_append(message, "ss", unit.c_str(), "replace");
    });
  }
  static Status UnlessGone(Status status) {
    if (!status.ok() && status.error().code() == Code::kNotFound) return {};
    return status;
  }

  Caller caller_;
};

}  // namespace

Result<std::unique_ptr<Services>> ConnectServices(BusOptions options) {
  ASSIGN_OR_RETURN(const Library library, LoadLibrary());
  os::UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return Error::FromErrno(errno, "eventfd");
  return std::unique_ptr<Services>(
      std::make_unique<ManagerOfServices>(library, options, std::move(wake)));
}

}  // namespace keelson::systemd
