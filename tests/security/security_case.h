// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder stand on: whole pods of the real runtime (runtime_fixture.h), and
// things of the host that may not change whatever a container, its image or its request does.
// Each suite is named after the vulnerability of another runtime whose cause it makes anew; see
// docs/security.md. With KEELSON_LONG=1 the races go on for longer.
#pragma once

#include <fcntl.h>
#include <stdio.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "runtime/cri/testing/served_fixture.h"

namespace keelson::security_tests {

inline bool IsLong() { return std::getenv("KEELSON_LONG") != nullptr; }

// Exchanges two names as fast as the kernel can until it ends; `one` is then what it was.
class Exchange {
 public:
  Exchange(std::string one, std::string other);
  ~Exchange();

 private:
  const std::string one_, other_;
  std::atomic<bool> stop_ = false;
  bool exchanged_ = false;  // the thread's, until it is joined
  std::thread thread_;
};

// Every name below `path` with its kind, mode, owner, content or target.
std::string Describe(const std::string& path);

class SecurityCase : public cri_server::ServedTest {
 protected:
  static void SetUpTestSuite();  // once for all suites, before any thread
  void SetUp() override;
  void TearDown() override;

  // From now on the host may not change: canary, mounts, settings of the kernel.
  void Watch();
  void ExpectHostUntouched();

  std::string layer() const { return dir_.path() + "/layer"; }
  std::string canary() const { return dir_.path() + "/canary"; }
  // A link from anywhere below a container's root, upwards and out, to the canary.
  std::string WayOut() const { return "../../../../../../../../../../../.." + canary(); }
  // A directory of that path in the image too: a link that stays inside then leads there.
  void MakeCanarysTwinInImage();
  std::string MakeVolume(const std::string& name);
  void Link(const std::string& target, const std::string& path);
  void Write(const std::string& path, const std::string& text, unsigned mode = 0644);

  static cri::LinuxContainerSecurityContext& SecurityOf(cri::ContainerConfig& config) {
    return *config.mutable_linux()->mutable_security_context();
  }
  static void AddVolume(cri::ContainerConfig& config, const std::string& from,
                        const std::string& to);
  // A pod whose users are others on the host.
  std::string StartWithOwners(const std::string& name);
  // Its root is left last, by a process that is nobody on the host: it too shall come as far as the
  // canary.
  void OpenToOwners();
  // What a container of this configuration says before it ends; nothing when it was refused.
  std::optional<std::string> Says(const std::string& pod, cri::ContainerConfig config);
  // The words of whoever refused it; empty when it ran.
  std::string Refusal(const std::string& pod, const cri::ContainerConfig& config);
  std::string Out(const std::string& id, const std::string& script);
  // A fresh attempt's configuration.
  cri::ContainerConfig Next(const std::string& script);

 private:
  std::string HostState() const;
  std::string watched_;
  uint32_t attempts_ = 0;
};

}  // namespace keelson::security_tests
