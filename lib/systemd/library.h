// SPDX-License-Identifier: Apache-2.0
// The sd-bus calls that are used here, found in libsystemd when they are first needed: the library
// and those it brings along are two megabytes that a node without systemd's driver does not pay.
// Loaded once and kept for the life of the process. Any thread. Source: sd-bus(3), dlopen(3).
#pragma once

#include <systemd/sd-bus.h>

#include <string>

#include "lib/base/result.h"

namespace keelson::systemd {

#define KEELSON_SD_BUS_CALLS(CALL)     \
  CALL(sd_bus_new)                     \
  CALL(sd_bus_set_address)             \
  CALL(sd_bus_set_bus_client)          \
  CALL(sd_bus_start)                   \
  CALL(sd_bus_close)                   \
  CALL(sd_bus_unref)                   \
  CALL(sd_bus_match_signal_async)      \
  CALL(sd_bus_add_match_async)         \
  CALL(sd_bus_call_async)              \
  CALL(sd_bus_process)                 \
  CALL(sd_bus_get_events)              \
  CALL(sd_bus_get_fd)                  \
  CALL(sd_bus_get_timeout)             \
  CALL(sd_bus_path_encode)             \
  CALL(sd_bus_message_new_method_call) \
  CALL(sd_bus_message_set_auto_start)  \
  CALL(sd_bus_message_append)          \
  CALL(sd_bus_message_append_array)    \
  CALL(sd_bus_message_open_container)  \
  CALL(sd_bus_message_close_container) \
  CALL(sd_bus_message_read)            \
  CALL(sd_bus_message_is_method_error) \
  CALL(sd_bus_message_get_error)       \
  CALL(sd_bus_message_unref)

// Each call under its own name: library.sd_bus_new(...).
struct Library {
#define KEELSON_MEMBER(name) decltype(&::name) name = nullptr;
  KEELSON_SD_BUS_CALLS(KEELSON_MEMBER)
#undef KEELSON_MEMBER
};

// FailedPrecondition with the name of the package where there is none.
base::Result<Library> LoadLibrary(const std::string& name = "libsystemd.so.0");

}  // namespace keelson::systemd
