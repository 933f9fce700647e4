// SPDX-License-Identifier: Apache-2.0
// Certificates and requests for certificates as facts, and the authority that signs them. Immutable
// after they are made, any thread. Source: RFC 5280, RFC 2986, Kubernetes' x509 conventions (CN is
// the user, each O a group).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "minimal-master/pki/key.h"

struct x509_st;

namespace keelson::pki {

struct Names {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> dns;
  std::vector<std::string> ips;  // text
  std::vector<std::string> emails;
  std::vector<std::string> uris;
  bool other_subject_parts = false;  // the subject holds more than CN and O
};

struct Certificate {
  Names names;
  int64_t not_before = 0;  // seconds since the epoch
  int64_t not_after = 0;
  std::string serial;  // hexadecimal
  std::string sha256;  // of the whole, hexadecimal, lower case
  bool authority = false;
  bool client = false;  // usages
  bool server = false;
};
base::Result<Certificate> ParseCertificate(const std::string& pem);  // the first of several
base::Result<Certificate> ParseCertificateDer(std::string_view der);

// DataLoss: its key cannot be read, or it says that it signed itself and did not.
base::Status CheckSelfSigned(const std::string& pem);

// A request whose signature is right.
struct SigningRequest {
  Names names;
  Key key;
};
base::Result<SigningRequest> ParseRequest(const std::string& pem);
base::Result<std::string> MakeRequest(const Key& key, const Names& names);

// What a certificate says besides names and key.
struct Profile {
  Names names;
  int64_t not_before = 0;
  int64_t not_after = 0;
  bool client = false;
  bool server = false;
  // As in spec.usages of a CSR: "digital signature", "key encipherment".
  bool digital_signature = true;
  bool key_encipherment = false;
};

class Authority {
 public:
  static base::Result<Authority> Create(const std::string& name, const Key& key, int64_t not_before,
                                        int64_t not_after);
  static base::Result<Authority> Create(const std::string& name, int64_t not_before,
                                        int64_t not_after);
  static base::Result<Authority> Load(const std::string& certificate_pem,
                                      const std::string& key_pem);

  const std::string& pem() const { return pem_; }
  const Key& key() const { return key_; }
  const Certificate& certificate() const { return facts_; }
  // Ends with the authority itself at the latest.
  base::Result<std::string> Issue(const Key& subject, const Profile& profile) const;
  // Whether `pem` is signed by this authority and is `key`'s.
  bool Issued(const std::string& pem, const Key& key) const;

 private:
  Authority(std::string pem, Key key, std::shared_ptr<x509_st> handle, Certificate facts)
      : pem_(std::move(pem)), key_(std::move(key)), handle_(std::move(handle)), facts_(facts) {}
  std::string pem_;
  Key key_;
  std::shared_ptr<x509_st> handle_;
  Certificate facts_;
};

}  // namespace keelson::pki
