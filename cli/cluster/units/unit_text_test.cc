// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/units/unit_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/cluster/units/unit_plan.h"
#include "lib/base/strings.h"

namespace keelson::cluster {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

NodeOptions Node() {
  NodeOptions node;
  node.name = "one";
  node.address = "192.0.2.7";
  node.programs = "/opt/keelson";
  return node;
}
supervise::Process Process(const std::string& name) {
  return {name, {"/opt/keelson/keelson-" + name, "--listen=192.0.2.7", "--pod-subnet", ""}, ""};
}

TEST(UnitText, IsAWholeUnit) {
  EXPECT_EQ(UnitText(Node(), Process("runtime"), 252),
            R"(# Written by keelson for the node in /var/lib/keelson.
# `keelson up` writes it again; settings of your own belong into drop-ins (systemctl edit).
[Unit]
Description=Keelson's container runtime of the node one
After=network.target
RequiresMountsFor="/var/lib/keelson"
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart="/opt/keelson/keelson-runtime" "--listen=192.0.2.7" "--pod-subnet" ""
Slice=keelson.slice
Restart=always
RestartSec=100ms
TimeoutStopSec=20s
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
RuntimeDirectory="keelson"
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
KillMode=process
TasksMax=infinity
OOMPolicy=continue
LimitNOFILE=65536:524288

[Install]
WantedBy=multi-user.target
)");
}

TEST(UnitText, TimesGrowWhereSystemdCanDoIt) {
  EXPECT_THAT(UnitText(Node(), Process("dns"), 253), Not(HasSubstr("RestartSteps")));
  EXPECT_THAT(UnitText(Node(), Process("dns"), 254),
              AllOf(HasSubstr("RestartSteps=7\n"), HasSubstr("RestartMaxDelaySec=10s\n")));
}

TEST(UnitText, WordsStandAsTheyAre) {
  EXPECT_EQ(Quoted("a b\"\\%i"), R"("a b\"\\%%i")");
  supervise::Process process = Process("dns");
  process.argv = {"/opt/a b/keelson-dns", "$HOME$", "100%"};
  EXPECT_THAT(UnitText(Node(), process, 252),
              HasSubstr(R"(ExecStart="/opt/a b/keelson-dns" "$$HOME$$" "100%%")"
                        "\n"));
}

// What is mounted for pods has to be the machine's own mounts, and no right of a container may be
// taken away above it.
TEST(UnitText, RuntimeAndKubeletStayInTheMachinesMounts) {
  for (const char* process : {"runtime", "kubelet"}) {
    const std::string text = UnitText(Node(), Process(process), 252);
    SCOPED_TRACE(process);
    for (const char* line : {"\nProtect", "\nPrivate", "\nReadWritePaths", "\nReadOnlyPaths",
                             "\nTemporaryFileSystem", "\nCapabilityBoundingSet=CAP_"})
      EXPECT_THAT(text, Not(HasSubstr(line)));
  }
  for (const char* line : {"NoNewPrivileges", "CapabilityBoundingSet", "SystemCallFilter"})
    EXPECT_THAT(UnitText(Node(), Process("runtime"), 252), Not(HasSubstr(line)));
}

TEST(UnitText, TheOthersMayWriteWhereTheyHaveTo) {
  NodeOptions node = Node();
  EXPECT_THAT(UnitText(node, Process("master"), 252),
              AllOf(HasSubstr("ProtectSystem=strict\n"), HasSubstr("PrivateTmp=yes\n"),
                    HasSubstr("ReadWritePaths=\"/var/lib/keelson/master\"\n"),
                    HasSubstr("ReadWritePaths=\"-/etc/keelson\"\n"),
                    HasSubstr("\nCapabilityBoundingSet=\n")));
  EXPECT_THAT(UnitText(node, Process("dns"), 252), HasSubstr("ReadWritePaths=\"/run/keelson\"\n"));
  node.state_dir = "/tmp/one";
  node.run_dir = "/srv/run";
  EXPECT_THAT(UnitText(node, Process("master"), 252), Not(HasSubstr("PrivateTmp")));
  EXPECT_THAT(
      UnitText(node, Process("proxy"), 252),
      AllOf(HasSubstr("ReadWritePaths=\"/srv/run\"\n"), Not(HasSubstr("RuntimeDirectory"))));
}

TEST(UnitText, SlicesOfPodsAreNamedAsTheKubeletNamesThem) {
  EXPECT_THAT(SlicesOf(""), IsEmpty());
  EXPECT_THAT(SlicesOf("/"), IsEmpty());
  EXPECT_THAT(SlicesOf("/keelson-node1"), ElementsAre("keelson_node1.slice"));
  EXPECT_THAT(SlicesOf("/a_b/c"), ElementsAre("a\\x5fb-c.slice", "a\\x5fb.slice"));
}

TEST(UnitText, NodesOfOneMachineHaveUnitsOfTheirOwn) {
  NodeOptions node = Node();
  EXPECT_EQ(UnitName(node, "dns"), "keelson-dns.service");
  const std::string text = UnitText(node, Process("dns"), 252);
  EXPECT_TRUE(IsOurs(node, text));
  node.state_dir += "/two";
  EXPECT_EQ(UnitName(node, "dns"), "keelson-one-dns.service");
  EXPECT_FALSE(IsOurs(node, text));
  EXPECT_FALSE(IsOurs(node, ""));
}

}  // namespace
}  // namespace keelson::cluster
