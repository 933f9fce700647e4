// SPDX-License-Identifier: Apache-2.0
// systemd's manager on the system bus, over one connection that one thread owns. Calls of any
// number of threads are under way on it at once, each with its own deadline. A connection that is
// lost (the bus is restarted) is made anew and what was under way is asked again, within the
// deadline. Nothing is subscribed to: the end of a job is told to the connection that asked for it.
// Any thread. Sources: org.freedesktop.systemd1(5), sd-bus(3).
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "lib/systemd/units.h"

namespace keelson::systemd {

struct BusOptions {
  std::string address = "unix:path=/run/dbus/system_bus_socket";
  bool direct = false;  // the other end is the manager itself, without a bus between
  std::chrono::milliseconds deadline = std::chrono::seconds(10);  // of a call with its job
};

class BusUnits : public Units {
 public:
  virtual uint64_t Calls() const = 0;        // sent so far
  virtual uint64_t Connections() const = 0;  // made so far
};

// Does not connect yet.
base::Result<std::unique_ptr<BusUnits>> ConnectUnits(BusOptions options = {});

// Whether systemd is process 1 here.
bool IsBooted();

}  // namespace keelson::systemd
