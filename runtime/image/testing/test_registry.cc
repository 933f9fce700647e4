// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/testing/test_registry.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "lib/os/files.h"
#include "runtime/image/testing/layout_maker.h"

namespace keelson::image::testing {
namespace {

constexpr auto kStartLimit = std::chrono::minutes(1);

// "… msg="listening on 127.0.0.1:41234" …" → 41234
std::string PortIn(const std::string& log) {
  size_t at = log.find("listening on ");
  if (at == std::string::npos) return "";
  at = log.find("127.0.0.1:", at);
  if (at == std::string::npos) return "";
  at += 10;
  const size_t end = log.find_first_not_of("0123456789", at);
  return end == std::string::npos ? "" : log.substr(at, end - at);
}

}  // namespace

bool TestRegistry::IsInstalled() {
  return access("/usr/bin/docker-registry", X_OK) == 0 && access("/usr/bin/skopeo", X_OK) == 0;
}

TestRegistry::TestRegistry(const Options& options) : options_(options) {
  const std::string log = options.dir + "/log";
  std::string config =
      "version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: " + options.dir +
      "/storage}, delete: {enabled: true}}\nhttp:\n  addr: 127.0.0.1:0\n";
  if (!options.certificate.empty()) {
    config +=
        "  tls:\n    certificate: " + options.certificate + "\n    key: " + options.key + "\n";
    if (!options.client_authority.empty())
      config += "    clientcas: [" + options.client_authority + "]\n";
  }
  if (!options.user.empty()) {
    // The registry takes bcrypt only, which the C library's crypt() knows.
    Shell("python3 -W ignore -c \"import crypt; print('" + options.user + ":' + crypt.crypt('" +
          options.password + "', crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))\" >" +
          options.dir + "/htpasswd");
    config += "auth: {htpasswd: {realm: test, path: " + options.dir + "/htpasswd}}\n";
  }
  EXPECT_TRUE(os::WriteFileAtomic(options.dir + "/config.yaml", config, 0600).ok());
  const os::UniqueFd out = os::Open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600).value();
  os::SpawnOptions spawn;
  spawn.argv = {"/usr/bin/docker-registry", "serve", options.dir + "/config.yaml"};
  spawn.env = {"PATH=/usr/bin:/bin", "OTEL_TRACES_EXPORTER=none"};
  spawn.fds = {{out.get(), 1}, {out.get(), 2}};
  auto child = os::ChildProcess::Spawn(spawn);
  EXPECT_TRUE(child.ok()) << child.error().message();
  if (!child.ok()) return;
  process_ = std::move(child).value();
  const auto end = std::chrono::steady_clock::now() + kStartLimit;
  while (port_.empty() && std::chrono::steady_clock::now() < end) {
    poll(nullptr, 0, 20);
    port_ = PortIn(Log());
  }
  EXPECT_FALSE(port_.empty()) << Log();
}

std::string TestRegistry::Log() const { return os::ReadFile(options_.dir + "/log").ValueOr(""); }

void TestRegistry::Push(const std::string& layout, const std::string& name,
                        const std::string& more) const {
  const std::string user =
      options_.user.empty() ? "" : " --dest-creds " + options_.user + ":" + options_.password;
  Shell("skopeo --insecure-policy copy -q --dest-tls-verify=false" + user + " " + more +
        " oci:" + layout + " docker://" + Address() + "/" + name);
}

}  // namespace keelson::image::testing
