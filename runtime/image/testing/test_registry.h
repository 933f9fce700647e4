// SPDX-License-Identifier: Apache-2.0
// For tests: Debian's docker-registry as it is, on a port that the kernel chose, with its storage
// in a folder of the test. Plain http, or https with a certificate; without users, or with one by
// htpasswd. Ends with the object.
#pragma once

#include <optional>
#include <string>

#include "lib/os/process.h"

namespace keelson::image::testing {

class TestRegistry {
 public:
  struct Options {
    std::string dir;   // exists; gets storage, configuration and log
    std::string user;  // empty: nobody has to say who they are
    std::string password;
    std::string certificate, key;  // files; empty: plain http
    std::string client_authority;  // file; clients must show a certificate that it signed
  };
  static bool IsInstalled();
  explicit TestRegistry(
      const Options& options);  // waits until it listens; a failure fails the test
  std::string Address() const { return "127.0.0.1:" + port_; }
  std::string Log() const;
  void Stop() { process_.reset(); }

  // Puts the layout's image there with skopeo, as <repository>:<tag>. `more`: further options for
  // skopeo.
  void Push(const std::string& layout, const std::string& name, const std::string& more = "") const;

 private:
  const Options options_;
  std::string port_;
  std::optional<os::ChildProcess> process_;
};

}  // namespace keelson::image::testing
