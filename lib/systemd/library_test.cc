// SPDX-License-Identifier: Apache-2.0
#include "lib/systemd/library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::systemd {
namespace {

using testing::HasSubstr;

TEST(LibraryOfSystemd, HasEveryCallThatIsUsed) {
  const base::Result<Library> library = LoadLibrary();
  ASSERT_TRUE(library.ok()) << library.error().message();
  sd_bus* bus = nullptr;
  ASSERT_GE(library->sd_bus_new(&bus), 0);
  EXPECT_EQ(library->sd_bus_unref(bus), nullptr);
}

TEST(LibraryOfSystemd, SaysWhatToInstallWhereItIsMissing) {
  const base::Result<Library> library = LoadLibrary("libsystemd-of-nobody.so.0");
  ASSERT_FALSE(library.ok());
  EXPECT_EQ(library.error().code(), base::Code::kFailedPrecondition);
  EXPECT_THAT(library.error().message(), HasSubstr("libsystemd0"));
  EXPECT_THAT(library.error().message(), HasSubstr("libsystemd-of-nobody.so.0"));
}

TEST(LibraryOfSystemd, AnotherLibraryOfThatNameIsNotTaken) {
  const base::Result<Library> library = LoadLibrary("libz.so.1");
  ASSERT_FALSE(library.ok());
  EXPECT_THAT(library.error().message(), HasSubstr("sd_bus_new"));
}

}  // namespace
}  // namespace keelson::systemd
