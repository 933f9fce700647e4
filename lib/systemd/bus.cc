// SPDX-License-Identifier: Apache-2.0
#include "lib/systemd/bus.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "lib/systemd/connection.h"

namespace keelson::systemd {
namespace {

using base::Code;
using base::Error;
using base::Result;
using base::Status;

int Append(const Library& library, sd_bus_message* message, const PropertyValue& value) {
  if (const bool* flag = std::get_if<bool>(&value))
    return library.sd_bus_message_append(message, "v", "b", static_cast<int>(*flag));
  if (const uint64_t* number = std::get_if<uint64_t>(&value))
    return library.sd_bus_message_append(message, "v", "t", *number);
  if (const std::string* text = std::get_if<std::string>(&value))
    return library.sd_bus_message_append(message, "v", "s", text->c_str());
  const std::vector<uint32_t>& list = *std::get_if<std::vector<uint32_t>>(&value);
  int done = library.sd_bus_message_open_container(message, 'v', "au");
  if (done >= 0) {
    done = library.sd_bus_message_append_array(message, 'u', list.data(),
                                               list.size() * sizeof list[0]);
  }
  return done < 0 ? done : library.sd_bus_message_close_container(message);
}

int Append(const Library& library, sd_bus_message* message, const Properties& properties) {
  int done = library.sd_bus_message_open_container(message, 'a', "(sv)");
  for (const Property& property : properties) {
    if (done >= 0) done = library.sd_bus_message_open_container(message, 'r', "sv");
    if (done >= 0) done = library.sd_bus_message_append(message, "s", property.name.c_str());
    if (done >= 0) done = Append(library, message, property.value);
    if (done >= 0) done = library.sd_bus_message_close_container(message);
  }
  return done < 0 ? done : library.sd_bus_message_close_container(message);
}

class Manager final : public BusUnits {
 public:
  Manager(const Library& library, const BusOptions& options, os::UniqueFd wake)
      : caller_(library, options, std::move(wake)), library_(caller_.sd()) {}

  Status StartTransient(const std::string& unit, const Properties& properties) override {
    Call call = ToManager(unit, "StartTransientUnit", Reply::kJob);
    call.fill = [&](sd_bus_message* message) {
      int done = library_.sd_bus_message_append(message, "ss", unit.c_str(), "replace");
      if (done >= 0) done = Append(library_, message, properties);
      return done < 0 ? done : library_.sd_bus_message_append(message, "a(sa(sv))", 0);
    };
    bool again = false;
    Status started = caller_.Ask(call, again).status;
    // The answer to an earlier asking was lost on its way.
    if (again && !started.ok() && started.error().code() == Code::kAlreadyExists) {
      if (State(unit).ValueOr("") == "active") return {};
    }
    return started;
  }

  Status Stop(const std::string& unit) override {
    Call call = ToManager(unit, "StopUnit", Reply::kJob);
    call.fill = [&](sd_bus_message* message) {
      return library_.sd_bus_message_append(message, "ss", unit.c_str(), "replace");
    };
    return UnlessGone(caller_.Ask(call).status);
  }

  Status ResetFailed(const std::string& unit) override {
    Call call = ToManager(unit, "ResetFailedUnit", Reply::kNothing);
    call.fill = [&](sd_bus_message* message) {
      return library_.sd_bus_message_append(message, "s", unit.c_str());
    };
    return UnlessGone(caller_.Ask(call).status);
  }

  Status SetProperties(const std::string& unit, const Properties& properties) override {
    Call call = ToManager(unit, "SetUnitProperties", Reply::kNothing);
    call.fill = [&](sd_bus_message* message) {
      const int done = library_.sd_bus_message_append(message, "sb", unit.c_str(), 1);
      return done < 0 ? done : Append(library_, message, properties);
    };
    return caller_.Ask(call).status;
  }

  Result<std::string> State(const std::string& unit) override {
    return caller_.Property(unit, "Unit", "ActiveState", Reply::kText);
  }

  uint64_t Calls() const override { return caller_.connection().calls(); }
  uint64_t Connections() const override { return caller_.connection().connections(); }

 private:
  static Call ToManager(const std::string& unit, const char* member, Reply reply) {
    return {unit, kManagerPath, kManager, member, {}, reply};
  }
  static Status UnlessGone(Status status) {
    if (!status.ok() && status.error().code() == Code::kNotFound) return {};
    return status;
  }

  Caller caller_;
  const Library& library_;
};

}  // namespace

Result<std::unique_ptr<BusUnits>> ConnectUnits(BusOptions options) {
  ASSIGN_OR_RETURN(const Library library, LoadLibrary());
  os::UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return Error::FromErrno(errno, "eventfd");
  return std::unique_ptr<BusUnits>(std::make_unique<Manager>(library, options, std::move(wake)));
}

bool IsBooted() {
  return faccessat(AT_FDCWD, "/run/systemd/system/", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace keelson::systemd
