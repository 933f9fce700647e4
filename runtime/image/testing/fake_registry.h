// SPDX-License-Identifier: Apache-2.0
// For tests: fake_registry.py as a process. Ends with the object.
#pragma once

#include <optional>
#include <string>

#include "lib/os/process.h"

namespace keelson::image::testing {

class FakeRegistry {
 public:
  // `options`: what stands between the braces of the JSON object, without "log"; `dir` exists.
  FakeRegistry(const std::string& dir, const std::string& options);
  std::string Address() const { return "127.0.0.1:" + port_; }
  std::string Port() const { return port_; }
  std::string Log() const;                      // one line a request
  size_t Count(const std::string& word) const;  // of lines that hold it

 private:
  const std::string log_;
  std::string port_;
  std::optional<os::ChildProcess> process_;
};

}  // namespace keelson::image::testing
