// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/cdi.h"

#include <gtest/gtest.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::container {
namespace {

constexpr const char* kJson = R"({
  "cdiVersion": "0.6.0", "kind": "vendor.com/gpu", "annotations": {"a": "b"},
  "containerEdits": {"env": ["COMMON=1"]},
  "devices": [{"name": "one", "containerEdits": {
    "env": ["ONE=x=y"],
    "deviceNodes": [{"path": "/dev/one", "hostPath": "/dev/null", "permissions": "rw",
                     "fileMode": 384, "uid": 5, "gid": 6, "type": "c", "major": 1, "minor": 3}],
    "mounts": [{"hostPath": "/opt/one", "containerPath": "/usr/one", "options": ["ro", "rbind"]}],
    "additionalGids": [0, 44]}}]})";

TEST(CdiFiles, JsonAndYamlSayTheSame) {
  const base::Result<CdiSpec> spec = ParseCdiSpec(kJson);
  ASSERT_TRUE(spec.ok()) << spec.error().message();
  EXPECT_EQ(spec->kind, "vendor.com/gpu");
  EXPECT_EQ(spec->edits.env, std::vector<std::string>{"COMMON=1"});
  const CdiEdits& one = spec->devices.at("one");
  ASSERT_EQ(one.devices.size(), 1u);
  EXPECT_EQ(one.devices[0].host_path, "/dev/null");
  EXPECT_EQ(one.devices[0].permissions, "rw");
  EXPECT_EQ(one.devices[0].file_mode, 0600u);
  EXPECT_EQ(one.mounts[0].container_path, "/usr/one");
  EXPECT_EQ(one.groups, std::vector<uint32_t>{44});
  const base::Result<CdiSpec> yaml = ParseCdiSpec(
      "cdiVersion: 1.0.0\nkind: vendor.com/gpu\ndevices:\n- name: \"0\"\n  containerEdits:\n"
      "    deviceNodes:\n    - path: /dev/zero\n");
  ASSERT_TRUE(yaml.ok()) << yaml.error().message();
  EXPECT_EQ(yaml->devices.at("0").devices[0].host_path, "/dev/zero");
}

std::string With(const std::string& edits) {
  return R"({"cdiVersion":"0.6.0","kind":"v.com/c","devices":[{"name":"d","containerEdits":)" +
         edits + "}]}";
}

TEST(CdiFiles, WhatIsNotUnderstoodIsRefusedWithItsPlace) {
  ASSERT_TRUE(ParseCdiSpec(With("{}")).ok());
  for (const auto& [text, words] : std::vector<std::pair<std::string, std::string>>{
           {"", ""},
           {"[]", "object"},
           {R"({"cdiVersion":"9.0.0","kind":"v.com/c","devices":[]})", "cdiVersion"},
           {R"({"cdiVersion":"0.6.0","kind":"vc","devices":[]})", "kind"},
           {R"({"cdiVersion":"0.6.0","kind":"v.com/c","devices":[]})", "devices"},
           {R"({"cdiVersion":"0.6.0","kind":"v.com/c","devices":[{"name":"-"}]})", "name"},
           {R"({"cdiVersion":"0.6.0","kind":"v.com/c","devices":[{"name":"a"},{"name":"a"}]})",
            "twice"},
           {With(R"({"surprise":1})"), "surprise"},
           {With(R"({"env":["NOEQUALS"]})"), "env"},
           {With(R"({"env":["A=b\nC=d"]})"), "env"},
           {With(R"({"deviceNodes":[{"path":"dev/x"}]})"), "deviceNodes[0].path"},
           {With(R"({"deviceNodes":[{"path":"/dev/x","permissions":"x"}]})"), "permissions"},
           {With(R"({"deviceNodes":[{"path":"/dev/x","uid":4294967295}]})"), "uid"},
           {With(R"({"deviceNodes":[{"path":"/dev/x","fileMode":4095}]})"), "fileMode"},
           {With(R"({"mounts":[{"hostPath":"/x","containerPath":"y"}]})"), "containerPath"},
           {With(R"({"mounts":[{"hostPath":"/x","containerPath":"/y","options":["rshared"]}]})"),
            "options"},
           {With(R"({"mounts":[{"hostPath":"/x","containerPath":"/y","type":"overlay"}]})"),
            "type"},
           {With(R"({"hooks":[{"hookName":"createContainer","path":"/bin/sh"}]})"), "hooks"},
           {With(R"({"netDevices":[{"hostInterfaceName":"eth0"}]})"), "netDevices"},
           {With(R"({"intelRdt":{"closID":"x"}})"), "RDT"}}) {
    const base::Result<CdiSpec> spec = ParseCdiSpec(text);
    ASSERT_FALSE(spec.ok()) << text;
    EXPECT_NE(spec.error().message().find(words), std::string::npos) << spec.error().message();
  }
}

TEST(CdiNames, HaveAVendorAClassAndADevice) {
  EXPECT_EQ(ParseCdiName("vendor.com/gpu=0:1").value(),
            (std::pair<std::string, std::string>("vendor.com/gpu", "0:1")));
  for (const char* bad : {"", "gpu", "vendor.com/gpu", "vendor.com/gpu=", "/gpu=0", "v/=0",
                          "v.com/g=../x", "v.com/g=a b", "v.com/g=a=b", "1v.com/g=0"})
    EXPECT_FALSE(ParseCdiName(bad).ok()) << bad;
}

class CdiDirectories : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& device, const std::string& value) {
    const std::string whole = dir_.path() + "/" + path;
    ASSERT_TRUE(os::MakeDirs(whole.substr(0, whole.find_last_of('/')), 0755).ok());
    ASSERT_TRUE(os::WriteFileAtomic(whole,
                                    R"({"cdiVersion":"0.6.0","kind":"v.com/c",)"
                                    R"("containerEdits":{"env":["FILE=)" +
                                        path + R"("]},"devices":[{"name":")" + device +
                                        R"(","containerEdits":{"env":["VALUE=)" + value +
                                        R"("]}}]})",
                                    0644)
                    .ok());
  }
  base::Result<CdiEdits> Resolve(const std::vector<std::string>& names) {
    return ResolveCdi({dir_.path() + "/etc", dir_.path() + "/nowhere", dir_.path() + "/run"},
                      names);
  }
  using Lines = std::vector<std::string>;
  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-cdi")).value();
};

TEST_F(CdiDirectories, ALaterOneStandsInsteadOfAnEarlier) {
  Write("etc/a.json", "one", "early");
  Write("run/a.json", "one", "late");
  Write("etc/b.json", "two", "two");
  EXPECT_EQ(Resolve({"v.com/c=one"}).value().env, (Lines{"FILE=run/a.json", "VALUE=late"}));
  EXPECT_EQ(Resolve({"v.com/c=two", "v.com/c=one", "v.com/c=one"}).value().env,
            (Lines{"FILE=etc/b.json", "VALUE=two", "FILE=run/a.json", "VALUE=late"}));
}

TEST_F(CdiDirectories, OneDeviceInTwoFilesOfOneDirectoryIsNobodys) {
  Write("etc/a.json", "one", "1");
  Write("etc/b.json", "one", "2");
  const base::Result<CdiEdits> twice = Resolve({"v.com/c=one"});
  ASSERT_FALSE(twice.ok());
  EXPECT_NE(twice.error().message().find("b.json"), std::string::npos);
  Write("run/c.json", "one", "3");
  EXPECT_EQ(Resolve({"v.com/c=one"}).value().env, (Lines{"FILE=run/c.json", "VALUE=3"}));
}

TEST_F(CdiDirectories, ABadFileHarmsOnlyItsOwnDevicesAndIsNamed) {
  Write("etc/a.json", "one", "1");
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/etc/bad.json", "{", 0644).ok());
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/etc/other.txt", "{", 0644).ok());
  EXPECT_TRUE(Resolve({"v.com/c=one"}).ok());
  const base::Result<CdiEdits> missing = Resolve({"v.com/c=two"});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), base::Code::kNotFound);
  EXPECT_NE(missing.error().message().find("bad.json"), std::string::npos);
  EXPECT_EQ(missing.error().message().find("other.txt"), std::string::npos);
}

TEST(CdiForExec, RoundTrips) {
  CdiEdits edits;
  edits.env = {"A=b"};
  edits.groups = {44};
  const CdiEdits back = DecodeForExec(EncodeForExec(edits)).value();
  EXPECT_EQ(back.env, edits.env);
  EXPECT_EQ(back.groups, edits.groups);
  EXPECT_FALSE(DecodeForExec("x").ok());
}

}  // namespace
}  // namespace keelson::container
