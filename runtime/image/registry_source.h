// SPDX-License-Identifier: Apache-2.0
// An image in a registry, read through a keelson-fetch process of its own, which lives as long as
// this object. Knows where to ask (mirrors of hosts.toml, then the registry itself) and with which
// credentials (the request's, else the node's). Blocking.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/fetch/credentials.h"
#include "runtime/image/image_source.h"
#include "runtime/image/reference.h"

namespace keelson::image {

class RegistrySource final : public ImageSource {
 public:
  struct Options {
    std::string fetch_program;
    std::string registries_dir;
    std::string docker_config;
    std::vector<std::string> plain_http_hosts;
    std::chrono::seconds no_progress_timeout{300};
  };
  static base::Result<std::unique_ptr<RegistrySource>> Open(
      const Options& options, const Reference& reference,
      const std::optional<fetch::Credentials>& credentials);
  ~RegistrySource() override;
  base::Result<Top> Resolve() override;
  base::Result<std::string> ReadDocument(const Descriptor& descriptor) override;
  base::Status FeedLayer(const Descriptor& layer, os::UniqueFd sink) override;
  void Cancel() override;

 private:
  struct State;
  explicit RegistrySource(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace keelson::image
