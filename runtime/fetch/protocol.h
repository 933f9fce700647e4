// SPDX-License-Identifier: Apache-2.0
// What daemon and keelson-fetch say to each other. The configuration is a sealed memfd given at
// start; each request is one packet on the request socket with two descriptors: where the bytes go,
// and the socket for the one reply. base/codec, versioned.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "runtime/fetch/credentials.h"

namespace keelson::fetch {

constexpr int kRequestSocket = 3;  // descriptors of keelson-fetch
constexpr int kConfigMemfd = 4;

// A registry or a mirror of it, in the order of trying.
struct Endpoint {
  std::string base;         // "https://registry.example/v2": requests add /<repository>/…
  bool can_pull = true;     // by digest
  bool can_resolve = true;  // by tag
  std::string ns;           // of mirrors: the registry they stand for, sent as ?ns=
  std::string authorities;  // PEM, trusted beside the system's
  std::string certificate;  // PEM of this client
  std::string key;
  bool skip_verify = false;
  std::vector<std::pair<std::string, std::string>> headers;
  Credentials credentials;
};

struct Config {
  std::string repository;
  std::vector<std::string> accept;  // media types of documents
  std::vector<Endpoint> endpoints;
  std::chrono::milliseconds no_progress_timeout{300000};
  std::chrono::milliseconds retry_delay{500};  // the first; doubles
};

struct Request {
  enum class Kind : uint32_t { kManifest = 1, kBlob = 2 };
  Kind kind = Kind::kManifest;
  std::string reference;  // tag or digest
  uint64_t size = 0;      // kBlob: exactly; kManifest: at most
};

struct Reply {
  std::string digest;  // of the bytes handed on
  uint64_t size = 0;
  std::string media_type;
  std::string endpoint;  // who gave them
};

std::string Encode(const Config& config);
std::string Encode(const Request& request);
std::string Encode(const base::Result<Reply>& reply);
base::Result<Config> DecodeConfig(std::string_view bytes);
base::Result<Request> DecodeRequest(std::string_view bytes);
base::Result<Reply> DecodeReply(std::string_view bytes);

}  // namespace keelson::fetch
