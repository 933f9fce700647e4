// SPDX-License-Identifier: Apache-2.0
#include "runtime/security/seccomp_profile.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/kernel/capabilities/capabilities.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "runtime/security/local_profiles.h"

namespace keelson::security {
namespace {

using seccomp::Action;
using seccomp::Argument;
using seccomp::Compare;
using seccomp::Rule;

Circumstances Here(uint64_t capabilities = 0) { return {capabilities, "amd64", {5, 10}}; }
uint64_t Bit(std::string_view name) { return 1ull << capabilities::Find(name).value(); }

seccomp::Profile Parse(const std::string& text, const Circumstances& circumstances = Here()) {
  const auto profile = ParseSeccompProfile(text, circumstances);
  EXPECT_TRUE(profile.ok()) << profile.error().message() << "\n" << text;
  return profile.ok() ? *profile : seccomp::Profile{};
}

std::string WithRule(const std::string& rule) {
  return R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[)" + rule + "]}";
}
std::string With(const std::string& members) {
  return R"({"defaultAction":"SCMP_ACT_ERRNO",)" + members + "}";
}

TEST(SeccompProfile, IsReadAsTheRuntimeSpecificationHasIt) {
  const seccomp::Profile profile = Parse(R"({
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
    "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_S390X"],
    "flags": ["SECCOMP_FILTER_FLAG_TSYNC"],
    "syscalls": [
      {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
      {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
       "args": [{"index": 0, "value": 4294967295, "valueTwo": 0, "op": "SCMP_CMP_GE"}]},
      {"names": ["clone"], "action": "SCMP_ACT_KILL_PROCESS", "args": [{"index": 1, "value": 2114060288, "valueTwo": 7, "op": "SCMP_CMP_MASKED_EQ"}]}
    ]})");
  EXPECT_EQ(profile.default_action, Action::kErrno);
  EXPECT_EQ(profile.default_error, 38u);
  EXPECT_EQ(profile.architectures, (std::vector<std::string>{"x86_64", "x86"}));
  EXPECT_EQ(profile.rules,
            (std::vector<Rule>{{{"read", "write"}, Action::kAllow, 1, {}},
                               {{"personality"},
                                Action::kErrno,
                                1,
                                {Argument{0, Compare::kGreaterOrEqual, 4294967295, 0}}},
                               {{"clone"},
                                Action::kKillProcess,
                                1,
                                {Argument{1, Compare::kMaskedEqual, 2114060288, 7}}}}));
}

TEST(SeccompProfile, IsReadAsDockerHasIt) {
  const std::string text = R"({
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "defaultErrno": "EPERM",
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
                {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
    "syscalls": [
      {"name": "read", "action": "SCMP_ACT_ALLOW", "args": null, "comment": "", "includes": {}, "excludes": {}},
      {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
      {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "errno": "ENOSYS", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
      {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
      {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "5.11"}},
      {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32"]}},
      {"names": ["cacheflush"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm", "arm64"]}},
      {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["s390x"], "caps": ["CAP_NET_RAW"]}}
    ]})";
  const auto names = [&](const Circumstances& circumstances) {
    std::string out;
    for (const Rule& rule : Parse(text, circumstances).rules) out += rule.names[0] + " ";
    return out;
  };
  EXPECT_EQ(names(Here()), "read clone3 ptrace arch_prctl socket ");
  EXPECT_EQ(names(Here(Bit("CAP_SYS_ADMIN") | Bit("CAP_NET_RAW"))),
            "read mount ptrace arch_prctl ");
  EXPECT_EQ(names({0, "arm64", {6, 1}}), "read clone3 ptrace bpf cacheflush socket ");
  EXPECT_EQ(Parse(text).architectures, (std::vector<std::string>{"x86_64", "x86", "x32"}));
  EXPECT_EQ(Parse(text, {0, "arm64", {}}).architectures,
            (std::vector<std::string>{"aarch64", "arm"}));
  EXPECT_EQ(Parse(text).rules[1].error, 38u);
}

TEST(SeccompProfile, ConditionsOnOneArgumentAreAlternatives) {
  const seccomp::Profile profile =
      Parse(WithRule(R"({"names":["socket"],"action":"SCMP_ACT_ERRNO","args":[
    {"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":0,"value":16,"op":"SCMP_CMP_EQ"}]})"));
  ASSERT_EQ(profile.rules.size(), 2u);
  EXPECT_EQ(profile.rules[1].arguments, (std::vector<Argument>{{0, Compare::kEqual, 16, 0}}));
}

TEST(SeccompProfile, MistakesAreNamedWithTheirLine) {
  struct Case {
    std::string text, message;
  };
  const std::string ok = R"({"names":["mkdir"],"action":"SCMP_ACT_ERRNO",)";
  for (
      const Case& c : {
          Case{"", "line 1"},
          Case{"[]", "line 1: must be an object"},
          Case{"{}", "line 1: defaultAction is missing"},
          Case{"{\n\"defaultAction\": \"SCMP_ACT_PERMIT\"}",
               "line 2: defaultAction: unknown action SCMP_ACT_PERMIT; known: SCMP_ACT_ALLOW"},
          Case{R"({"defaultAction":"SCMP_ACT_NOTIFY"})", "needs a listening program"},
          Case{R"({"defaultAction":"SCMP_ACT_TRACE"})", "needs a tracing program"},
          Case{R"({"defaultAction":7})", "defaultAction: must be a string"},
          Case{R"({"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":1})",
               "only SCMP_ACT_ERRNO has an error number"},
          Case{With(R"("defaultErrnoRet":4096)"),
               "defaultErrnoRet: must not be above 4095, it is 4096"},
          Case{With(R"("defaultErrnoRet":-1)"), "defaultErrnoRet: must be a whole number"},
          Case{With(R"("defaultErrno":"EWHAT")"), "unknown error EWHAT"},
          Case{With(R"("defaultErrnoRet":1,"defaultErrno":"ENOSYS")"), "ENOSYS is 38, not 1"},
          Case{With("\n\"defaultaction\":\"SCMP_ACT_ALLOW\""),
               "line 2: unknown field defaultaction"},
          Case{With(R"("listenerPath":"/x")"),
               "listenerPath: listening programs are not supported"},
          Case{With(R"("flags":["SECCOMP_FILTER_FLAG_LOG"])"),
               "flags[0]: unknown flag SECCOMP_FILTER_FLAG_LOG"},
          Case{With(R"("architectures":["x86_64"])"),
               "architectures[0]: unknown architecture x86_64"},
          Case{With(R"("architectures":"SCMP_ARCH_X86")"), "architectures: must be a list"},
          Case{
              With(
                  R"("architectures":["SCMP_ARCH_X86"],"archMap":[{"architecture":"SCMP_ARCH_X86"}])"),
              "one of them only"},
          Case{With(R"("archMap":[{"subArchitectures":[]}])"),
               "archMap[0]: architecture is missing"},
          Case{WithRule("\n7"), "line 2: syscalls[0]: must be an object"},
          Case{WithRule(R"({"action":"SCMP_ACT_ALLOW"})"), "syscalls[0]: names no system call"},
          Case{WithRule(R"({"names":[],"action":"SCMP_ACT_ALLOW"})"),
               "syscalls[0]: names no system call"},
          Case{WithRule(R"({"names":[""],"action":"SCMP_ACT_ALLOW"})"),
               "syscalls[0].names[0]: must not be empty"},
          Case{WithRule(R"({"names":["a"],"name":"b","action":"SCMP_ACT_ALLOW"})"),
               "syscalls[0].name: stands beside names"},
          Case{WithRule(R"({"names":["a"]})"), "syscalls[0]: action is missing"},
          Case{WithRule(R"({"names":["a"],"action":"SCMP_ACT_ALLOW","errnoRet":1})"),
               "syscalls[0].errnoRet: only SCMP_ACT_ERRNO"},
          Case{WithRule(ok + R"("arg":[]})"), "syscalls[0]: unknown field arg"},
          Case{WithRule(ok + R"("args":{}})"), "syscalls[0].args: must be a list"},
          Case{WithRule(ok + R"("args":[{"index":0,"value":1}]})"),
               "syscalls[0].args[0]: op is missing"},
          Case{WithRule(ok + "\n\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}"),
               "line 2: syscalls[0].args[0].index: must not be above 5"},
          Case{WithRule(ok + R"("args":[{"index":0,"value":1.5,"op":"SCMP_CMP_EQ"}]})"),
               "value: must be a whole number"},
          Case{WithRule(ok + R"("args":[{"index":0,"value":1,"op":"=="}]})"),
               "op: unknown comparison"},
          Case{WithRule(ok + R"("args":[{"index":0,"value":1,"valueTwo":2,"op":"SCMP_CMP_EQ"}]})"),
               "valueTwo: only SCMP_CMP_MASKED_EQ"},
          Case{WithRule(ok + R"("includes":{"caps":["NET_RAW"]}})"),
               "includes.caps[0]: unknown capability NET_RAW"},
          Case{WithRule(ok + R"("includes":{"minkernel":"5.1"}})"),
               "includes: unknown field minkernel"},
          Case{WithRule(ok + R"("excludes":{"minKernel":"5"}})"),
               "excludes.minKernel: 5 is not a kernel version"},
          Case{WithRule(ok + R"("excludes":{"minKernel":"5.1.2"}})"), "is not a kernel version"},
      }) {
    SCOPED_TRACE(c.text);
    const auto profile = ParseSeccompProfile(c.text, Here());
    ASSERT_FALSE(profile.ok());
    EXPECT_EQ(profile.error().code(), base::Code::kInvalidArgument);
    EXPECT_NE(profile.error().message().find(c.message), std::string::npos)
        << profile.error().message();
    EXPECT_TRUE(profile.error().message().starts_with("line ")) << profile.error().message();
  }
}

TEST(SeccompProfile, ThisMachinesKernelIsKnown) {
  const Circumstances here = OfThisMachine(7);
  EXPECT_EQ(here.capabilities, 7u);
  EXPECT_GE(here.kernel, (KernelVersion{4, 4}));
  EXPECT_LT(here.kernel, (KernelVersion{1000, 0}));
}

class LocalProfilesTest : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    const std::string path = root_ + "/" + name;
    ASSERT_TRUE(os::MakeDirs(path.substr(0, path.rfind('/')), 0755).ok());
    ASSERT_TRUE(os::WriteFileAtomic(path, text, 0644).ok());
  }
  void ExpectRefused(const std::string& path, const std::string& word) {
    const auto loaded = profiles_.Load(path, 0);
    ASSERT_FALSE(loaded.ok()) << path;
    EXPECT_NE(loaded.error().message().find(word), std::string::npos) << loaded.error().message();
    EXPECT_NE(loaded.error().message().find("seccomp profile " + path), std::string::npos)
        << loaded.error().message();
  }
  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-profiles")).value();
  const std::string root_ = dir_.path() + "/seccomp";
  LocalProfiles profiles_{root_ + "/"};
  const std::string good_ = WithRule(R"({"names":["mkdir"],"action":"SCMP_ACT_ERRNO"})");
};

TEST_F(LocalProfilesTest, AreFoundAndCompiledOnce) {
  Write("profiles/a.json", good_);
  const auto program = profiles_.Load(root_ + "/profiles/a.json", 0);
  ASSERT_TRUE(program.ok()) << program.error().message();
  EXPECT_GT((*program)->size(), 4 * sizeof(sock_filter));
  EXPECT_EQ(profiles_.Load(root_ + "/profiles/a.json", 0).value(), *program);
  Write("profiles/a.json", WithRule(R"({"names":["rmdir"],"action":"SCMP_ACT_ERRNO"})"));
  EXPECT_NE(*profiles_.Load(root_ + "/profiles/a.json", 0).value(), **program);
}

TEST_F(LocalProfilesTest, AreFoundBelowTheRootOnly) {
  ExpectRefused(root_ + "/a.json", root_);  // no root yet
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/outside.json", good_, 0644).ok());
  Write("a.json", good_);
  ExpectRefused(root_ + "/b.json", "No such file");
  ExpectRefused(dir_.path() + "/outside.json", "is not below");
  ExpectRefused(root_ + "ish/a.json", "is not below");
  ExpectRefused(root_ + "/../outside.json", "'..'");
  ASSERT_EQ(symlink("../outside.json", (root_ + "/up.json").c_str()), 0);
  ExpectRefused(root_ + "/up.json", "No such file");
  ASSERT_EQ(symlink((dir_.path() + "/outside.json").c_str(), (root_ + "/absolute.json").c_str()),
            0);
  ExpectRefused(root_ + "/absolute.json", "No such file");
  ASSERT_EQ(symlink("a.json", (root_ + "/link.json").c_str()), 0);
  EXPECT_TRUE(profiles_.Load(root_ + "/link.json", 0).ok());
}

TEST_F(LocalProfilesTest, AreFilesOfReasonableSize) {
  Write("a.json", good_);
  ExpectRefused(root_ + "/", "not a regular file");
  ASSERT_EQ(mkfifo((root_ + "/pipe").c_str(), 0600), 0);
  ExpectRefused(root_ + "/pipe", "not a regular file");
  Write("large.json", good_ + std::string(2 << 20, ' '));
  ExpectRefused(root_ + "/large.json", "more than");
  Write("bad.json", "{\n\"defaultAction\":1}");
  ExpectRefused(root_ + "/bad.json", "line 2: defaultAction: must be a string");
}

}  // namespace
}  // namespace keelson::security
