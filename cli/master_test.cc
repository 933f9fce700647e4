// SPDX-License-Identifier: Apache-2.0
#include "cli/master.h"

#include <gmock/gmock.h>

namespace keelson::cli {
namespace {

using testing::ElementsAre;

TEST(Master, IsAskedForAFileWhateverItsName) {
  EXPECT_THAT(MasterArguments("backup", {.state_dir = "/s", .file = "--now"}),
              ElementsAre("--state-dir", "/s", "--store", "sqlite", "backup", "--", "--now"));
}

TEST(Master, IsToldOfItsEtcd) {
  const MasterOptions options{.state_dir = "/s",
                              .store = "etcd://a:1",
                              .ca = "ca",
                              .certificate = "cert",
                              .key = "key",
                              .file = "f"};
  EXPECT_THAT(MasterArguments("backup", options),
              ElementsAre("--state-dir", "/s", "--store", "etcd://a:1", "--store-ca", "ca",
                          "--store-cert", "cert", "--store-key", "key", "backup", "--", "f"));
}

}  // namespace
}  // namespace keelson::cli
