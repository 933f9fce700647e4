// SPDX-License-Identifier: Apache-2.0
#include "runtime/security/apparmor.h"

#include <gtest/gtest.h>

#include "runtime/security/selinux.h"

namespace keelson::security {
namespace {

using Kind = ProfileRequest::Kind;
const AppArmor kOn{true, "keelson-default"};

TEST(AppArmorProfiles, NothingAskedAndTheDefaultAreTheSameAndPrivilegedHasNone) {
  for (const Kind kind : {Kind::kUnset, Kind::kRuntimeDefault}) {
    EXPECT_EQ(ResolveAppArmor({kind, ""}, false, kOn).value(), "keelson-default");
    EXPECT_EQ(ResolveAppArmor({kind, ""}, true, kOn).value(), "");
    EXPECT_EQ(ResolveAppArmor({kind, ""}, false, {}).value(), "") << "a kernel without";
    EXPECT_EQ(ResolveAppArmor({kind, ""}, false, {true, ""}).value(), "") << "no parser";
  }
  EXPECT_EQ(ResolveAppArmor({Kind::kUnconfined, ""}, false, kOn).value(), "");
}

TEST(AppArmorProfiles, AProfileByNameIsNeverDropped) {
  EXPECT_EQ(ResolveAppArmor({Kind::kLocalhost, "mine"}, false, kOn).value(), "mine");
  EXPECT_EQ(ResolveAppArmor({Kind::kLocalhost, "mine"}, true, kOn).value(), "mine");
  EXPECT_EQ(ResolveAppArmor({Kind::kLocalhost, "localhost/mine"}, false, kOn).value(), "mine");
  const base::Result<std::string> without = ResolveAppArmor({Kind::kLocalhost, "mine"}, false, {});
  ASSERT_FALSE(without.ok());
  EXPECT_NE(without.error().message().find("no AppArmor"), std::string::npos);
  for (const char* name : {"", "a\nb", "localhost/"})
    EXPECT_FALSE(ResolveAppArmor({Kind::kLocalhost, name}, false, kOn).ok()) << name;
}

TEST(AppArmorProfiles, OlderClientsNameThemByAString) {
  EXPECT_EQ(ParseProfileString("").value().kind, Kind::kUnset);
  EXPECT_EQ(ParseProfileString("runtime/default").value().kind, Kind::kRuntimeDefault);
  EXPECT_EQ(ParseProfileString("unconfined").value().kind, Kind::kUnconfined);
  EXPECT_EQ(ParseProfileString("localhost/x").value().name, "x");
  EXPECT_FALSE(ParseProfileString("x").ok());
}

TEST(AppArmorProfiles, ListOfTheKernelIsReadByWholeNames) {
  constexpr std::string_view kList = "man_groff (enforce)\nmy profile (complain)\n";
  EXPECT_TRUE(ListsProfile(kList, "man_groff"));
  EXPECT_TRUE(ListsProfile(kList, "my profile"));
  EXPECT_FALSE(ListsProfile(kList, "man"));
  EXPECT_FALSE(ListsProfile(kList, ""));
}

TEST(SelinuxLabelsOfCri, ArePassedOverWithoutSelinuxAndCompletedWithIt) {
  const SelinuxRequest type{"", "", "spc_t", ""};
  EXPECT_EQ(ResolveSelinux(type, false).value().process, "");
  EXPECT_EQ(ResolveSelinux({}, true).value().process, "");
  const SelinuxLabels labels = ResolveSelinux({"", "", "", "s0:c1,c2"}, true).value();
  EXPECT_EQ(labels.process, "system_u:system_r:container_t:s0:c1,c2");
  EXPECT_EQ(labels.mount, "system_u:object_r:container_file_t:s0:c1,c2");
  EXPECT_FALSE(ResolveSelinux({"a:b", "", "", ""}, false).ok());
  EXPECT_FALSE(ResolveSelinux({"", "", "x\ny", ""}, true).ok());
}

}  // namespace
}  // namespace keelson::security
