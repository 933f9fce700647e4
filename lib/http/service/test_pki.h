// SPDX-License-Identifier: Apache-2.0
// Certificates for the tests of this folder, made once a run with the openssl command: a CA, a
// serving certificate for localhost, a client's, and a client's of a CA that nobody knows.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "lib/http/service/options.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "lib/os/temp_dir.h"

namespace keelson::service {

class TestPki {
 public:
  static TestPki& Get() {
    static TestPki pki;
    return pki;
  }
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }
  std::string Text(const std::string& name) const { return os::ReadFile(Path(name)).value(); }
  TlsMaterial Material(const std::string& server = "server") const {
    return {Text(server + ".crt"), Text(server + ".key"), Text("ca.crt")};
  }

 private:
  TestPki() : dir_(os::TempDir::Create("keelson-pki").value()) {
    Ca("ca");
    Ca("foreign");
    Leaf("server", "/CN=one", "ca", "serverAuth");
    Leaf("server2", "/CN=two", "ca", "serverAuth");
    Leaf("client", "/O=system:masters/CN=alice", "ca", "clientAuth");
    Leaf("stranger", "/O=system:masters/CN=mallory", "foreign", "clientAuth");
  }
  void Openssl(std::vector<std::string> args) {
    args.insert(args.begin(), "openssl");
    const auto done =
        os::RunCommand({.argv = args, .env = {"PATH=/usr/bin:/bin"}}, "", std::chrono::seconds(60));
    ASSERT_TRUE(done.ok()) << done.error().message();
    ASSERT_EQ(done->status.code(), 0) << done->err;
  }
  void Ca(const std::string& name) {
    Openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", Path(name + ".key"), "-out", Path(name + ".crt"), "-days", "2", "-subj",
             "/CN=" + name});
  }
  void Leaf(const std::string& name, const std::string& subject, const std::string& ca,
            const std::string& usage) {
    Openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
             Path(name + ".key"), "-out", Path(name + ".csr"), "-subj", subject});
    ASSERT_TRUE(os::WriteFileAtomic(
                    Path(name + ".ext"),
                    "extendedKeyUsage=" + usage + "\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n",
                    0600)
                    .ok());
    Openssl({"x509", "-req", "-in", Path(name + ".csr"), "-CA", Path(ca + ".crt"), "-CAkey",
             Path(ca + ".key"), "-CAcreateserial", "-days", "1", "-extfile", Path(name + ".ext"),
             "-out", Path(name + ".crt")});
  }

  os::TempDir dir_;
};

}  // namespace keelson::service
