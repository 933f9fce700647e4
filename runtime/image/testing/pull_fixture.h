// SPDX-License-Identifier: Apache-2.0
// For tests of pulls: an image service in a folder of its own, through the real keelson-fetch and
// keelson-unpack, and what must not be left behind. Needs root.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "runtime/image/image_service_impl.h"
#include "runtime/image/testing/layout_maker.h"

namespace keelson::image::testing {

class PullFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    options_.paths = {Dir() + "/state", Dir() + "/config"};
    options_.program_dir = base::BinDir();
    options_.docker_config = Dir() + "/docker.json";
    options_.no_progress_timeout = std::chrono::seconds(30);
    options_.max_layer_bytes = uint64_t{1} << 30;
  }
  const std::string& Dir() const { return dir_.path(); }
  std::string NewDir(const std::string& name) const {
    EXPECT_TRUE(os::MakeDirs(Dir() + "/" + name, 0755).ok());
    return Dir() + "/" + name;
  }
  void Open() {
    service_.reset();
    auto service = ImageServiceImpl::Open(options_);
    ASSERT_TRUE(service.ok()) << service.error().message();
    service_ = std::move(service).value();
  }
  void WriteHosts(const std::string& registry, const std::string& toml) const {
    const std::string dir = NewDir("config/registries/" + registry);
    ASSERT_TRUE(os::WriteFileAtomic(dir + "/hosts.toml", toml, 0600).ok());
  }
  base::Result<std::string> Pull(const std::string& reference,
                                 const std::optional<fetch::Credentials>& credentials = {}) {
    return service_->Pull(reference, credentials, {});
  }
  // The pull fails with a sentence that holds all of these words, and leaves nothing.
  void ExpectRefused(const std::string& reference, const std::vector<std::string>& words,
                     const std::optional<fetch::Credentials>& credentials = {}) {
    const auto pulled = Pull(reference, credentials);
    ASSERT_FALSE(pulled.ok());
    for (const std::string& word : words)
      EXPECT_NE(pulled.error().message().find(word), std::string::npos)
          << word << " is not in: " << pulled.error().message();
    EXPECT_EQ(pulled.error().message().find('\n'), std::string::npos);
    EXPECT_FALSE(service_->Find(reference).has_value());
    ExpectNothingLeft();
  }
  // No layer, no name, no document, nothing half-made.
  void ExpectNothingLeft() {
    service_->WaitForSweep();
    EXPECT_EQ(Shell("cd " + options_.paths.state +
                    " && find layers images -type f -o -path '*/sha256/*' -o -path '*/staging/*' "
                    "-o -path '*/trash/*' -o -path '*/import/*'"),
              "");
  }
  std::string ReadInImage(const std::string& reference, const std::string& path) const {
    const auto image = service_->Find(reference);
    if (!image) return "no image";
    for (const std::string& layer : image->layer_dirs) {
      if (auto text = os::ReadFile(layer + path); text.ok()) return std::move(text).value();
    }
    return "no file";
  }

  os::TempDir dir_ = os::TempDir::Create("keelson-pull").value();
  ImageServiceImpl::Options options_;
  std::unique_ptr<ImageServiceImpl> service_;
  LayoutMaker maker_{dir_.path()};
};

}  // namespace keelson::image::testing
