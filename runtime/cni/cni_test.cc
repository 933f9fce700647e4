// SPDX-License-Identifier: Apache-2.0
// Configurations, requests and answers as text: no plugin runs here.
#include <gtest/gtest.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "runtime/cni/config.h"
#include "runtime/cni/parse_result.h"
#include "runtime/cni/record.h"
#include "runtime/cni/request.h"
#include "runtime/cni/result_codec.h"

namespace keelson::cni {
namespace {

constexpr char kList[] = R"({
  "cniVersion": "1.0.0", "cniVersions": ["0.4.0", "1.1.0"], "name": "pods", "disableCheck": "true",
  "plugins": [
    {"type": "bridge", "bridge": "b0", "capabilities": {"ipRanges": true, "mac": false}},
    {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}
  ]})";

TEST(CniConfig, ListsAndSinglePluginsAreRead) {
  const NetworkConfig list = ParseNetwork(kList).value();
  EXPECT_EQ(list.name, "pods");
  EXPECT_EQ(list.versions, (std::vector<std::string>{"0.4.0", "1.1.0", "1.0.0"}));
  EXPECT_TRUE(list.disable_check);
  ASSERT_EQ(list.plugins.size(), 2u);
  EXPECT_EQ(list.plugins[0].capabilities, std::vector<std::string>{"ipRanges"});
  const NetworkConfig one = ParseNetwork(R"({"name":"n","type":"ptp"})").value();
  EXPECT_EQ(one.versions, std::vector<std::string>{"0.1.0"});
  EXPECT_EQ(one.plugins.at(0).type, "ptp");
  for (const char* bad : {"", "[]", "{}", R"({"name":"n"})", R"({"name":"../n","type":"x"})",
                          R"({"name":"n","type":"../../bin/sh"})", R"({"name":"n","type":".."})",
                          R"({"name":"n","plugins":{}})", R"({"name":"n","plugins":[1]})",
                          R"({"name":"n","plugins":[{"name":"x"}]})"}) {
    EXPECT_FALSE(ParseNetwork(bad).ok()) << bad;
  }
}

TEST(CniConfig, TheFirstUsableFileByNameCounts) {
  const os::TempDir dir = std::move(os::TempDir::Create("keelson-cni")).value();
  const auto write = [&](const std::string& name, const std::string& text) {
    ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/" + name, text, 0644).ok());
  };
  EXPECT_EQ(LoadFirst(dir.path() + "/none").error().code(), base::Code::kNotFound);
  write("30-late.conf", R"({"name":"late","type":"x"})");
  write("10-bad.conflist", "{");
  write("05-note.txt", R"({"name":"text","type":"x"})");
  EXPECT_EQ(LoadFirst(dir.path()).value().network.name, "late");
  EXPECT_EQ(LoadFirst(dir.path()).value().refused.size(), 1u);
  write("20-list.conflist", R"({"name":"list","cniVersion":"1.1.0","plugins":[{"type":"a"}]})");
  EXPECT_EQ(LoadFirst(dir.path()).value().network.plugins.size(), 1u);
  // More plugins of the list are in a folder of its name.
  ASSERT_TRUE(os::MakeDirs(dir.path() + "/list", 0755).ok());
  write("list/1.conf", R"({"type":"b"})");
  const NetworkConfig more = LoadFirst(dir.path()).value().network;
  ASSERT_EQ(more.plugins.size(), 2u);
  EXPECT_EQ(more.plugins[1].type, "b");
  EXPECT_EQ(ParseNetwork(more.text).value().plugins.size(), 2u);  // what a record keeps
  write("20-list.conflist",
        R"({"name":"list","loadOnlyInlinedPlugins":true,"plugins":[{"type":"a"}]})");
  EXPECT_EQ(LoadFirst(dir.path()).value().network.plugins.size(), 1u);
}

TEST(CniVersions, TheNewestThatAllSpeak) {
  EXPECT_TRUE(OlderVersion("0.4.0", "1.0.0"));
  EXPECT_TRUE(OlderVersion("0.9.0", "0.10.0"));
  EXPECT_FALSE(OlderVersion("1.0.0", "1.0.0"));
  EXPECT_EQ(NewestCommon({"0.4.0", "1.1.0", "1.0.0"}, {{"0.4.0", "1.0.0"}, {"1.0.0", "1.1.0"}}),
            "1.0.0");
  EXPECT_EQ(NewestCommon({"1.1.0"}, {{"1.0.0"}}), "");
  EXPECT_EQ(NewestCommon({"9.0.0"}, {{"9.0.0"}}), "");
}

network::PodRequest Request() {
  network::PodRequest request;
  request.sandbox_id = "0123456789abcdef";
  request.name = "web";
  request.name_space = "shop";
  request.uid = "u1";
  request.ports = {{network::Protocol::kUdp, "10.0.0.1", 8080, 80}};
  request.bandwidth = {8'000'000, 0};
  request.dns_servers = {"10.43.0.10"};
  return request;
}

TEST(CniRequests, PluginsGetWhatTheyDeclared) {
  const NetworkConfig list = ParseNetwork(kList).value();
  Attachment attachment = AttachmentOf(Request(), "10.42.0.0/24,fd42::/64").value();
  attachment.netns = "/run/netns/x";
  EXPECT_EQ(attachment.args,
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID="
            "0123456789abcdef;K8S_POD_UID=u1");
  EXPECT_EQ(
      Input(list, list.plugins[0], "1.1.0", attachment, "").value(),
      R"({"type":"bridge","bridge":"b0","cniVersion":"1.1.0","name":"pods","runtimeConfig":{"ipRanges":[[{"subnet":"10.42.0.0/24"}],[{"subnet":"fd42::/64"}]]}})");
  EXPECT_EQ(
      Input(list, list.plugins[1], "1.1.0", attachment, R"({"ips":[]})").value(),
      R"({"type":"portmap","snat":true,"cniVersion":"1.1.0","name":"pods","runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"udp","hostIP":"10.0.0.1"}]},"prevResult":{"ips":[]}})");
  EXPECT_NE(
      attachment.capabilities.find(R"("bandwidth":{"ingressRate":8000000,"ingressBurst":524288})"),
      std::string::npos);
  EXPECT_EQ(
      GarbageInput(list, list.plugins[1], "1.1.0", {{"a", "eth0"}}).value(),
      R"({"type":"portmap","snat":true,"cniVersion":"1.1.0","name":"pods","cni.dev/valid-attachments":[{"containerID":"a","ifname":"eth0"}]})");
  network::PodRequest smuggler = Request();
  smuggler.name = "web;K8S_POD_UID=other";
  EXPECT_FALSE(AttachmentOf(smuggler, "").ok());
}

TEST(CniResults, AddressesOfThePodsInterfaceInOrder) {
  const AddResult result = ParseAddResult(R"({"cniVersion":"1.0.0",
      "interfaces":[{"name":"b0"},{"name":"veth1"},{"name":"eth0","sandbox":"/run/netns/x"},
                    {"name":"eth1","sandbox":"/run/netns/x"}],
      "ips":[{"address":"fd42:0::5/64","interface":2},{"address":"10.9.9.9/24","interface":3},
             {"address":"10.42.0.5/24","interface":2},{"address":"10.42.0.6/24"}]})",
                                          "eth0")
                               .value();
  EXPECT_EQ(result.addresses, (std::vector<std::string>{"fd42::5", "10.42.0.5", "10.42.0.6"}));
  EXPECT_EQ(result.host_interface, "veth1");
  EXPECT_EQ(ParseAddResult(R"({"ip4":{"ip":"10.1.0.2/16"},"ip6":{"ip":"fd01::2/64"}})", "eth0")
                .value()
                .addresses,
            (std::vector<std::string>{"10.1.0.2", "fd01::2"}));
  for (const char* bad : {"", "garbage", "[]", "{\"ips\":[{\"address\":\"x\"}]}", "{\"ips\":[1]}",
                          "{\"ips\":[{\"address\":\"10.0.0.1/8\",\"interface\":7}]}",
                          "{\"ips\":[{\"address\":\"10.0.0.1/8\",\"interface\":-1}]}"}) {
    EXPECT_FALSE(ParseAddResult(bad, "eth0").ok()) << bad;
  }
}

TEST(CniResults, ErrorsAreThePluginsOwnWordsOnOneLine) {
  const PluginError error =
      ParsePluginError(R"({"code":7,"msg":"no room\nleft","details":"10.0.0.0/30"})", "noise");
  EXPECT_EQ(error.code, 7);
  EXPECT_EQ(error.text, "no room left; 10.0.0.0/30");
  EXPECT_EQ(ParsePluginError("", "panic: x\n\tat y").text, "panic: x  at y");
  EXPECT_EQ(ParsePluginError("", "").text, "it said nothing");
  EXPECT_LE(ParsePluginError(std::string(100'000, 'x'), "").text.size(), 512u);
  EXPECT_FALSE(ParseVersions("{}").ok());
}

TEST(CniResults, OnlyOneObjectIsPutIntoADocument) {
  for (const char* good :
       {"{}", R"({"a":1})", R"({"a":[],"b":{"c":[{},[-1.5e3,"x\"}]"]]},"d":null,"e":true})",
        R"({"":"\\"})"})
    EXPECT_TRUE(IsOneObject(good)) << good;
  for (const char* bad : {"",
                          "[]",
                          "1",
                          "{",
                          "}",
                          "{}}",
                          "{}{}",
                          R"({},"type":"other")",
                          R"({"a":1},"type":"other")",
                          R"({"a":1}})",
                          R"({"a":[1})",
                          R"({"a":{]})",
                          R"({"a":"x)",
                          R"({"a":"x\"})",
                          R"({"a"})",
                          R"({"a":})",
                          R"({"a":1,})",
                          R"({,"a":1})",
                          R"({"a":1 2})",
                          R"({a:1})",
                          R"({"a":tru})",
                          "{\"a\":\"\n\"}",
                          R"({"a":[1,]})",
                          R"({"a":[,1]})",
                          R"({"a":1"b":2})",
                          "{} "})
    EXPECT_FALSE(IsOneObject(bad)) << bad;
  std::string deep = "{\"a\":";
  for (int i = 0; i < 100; ++i) deep += '[';
  EXPECT_FALSE(IsOneObject(deep));
  const NetworkConfig list = ParseNetwork(kList).value();
  EXPECT_FALSE(Input(list, list.plugins[1], "1.1.0", {}, R"({},"type":"other")").ok());
}

// What a process says that an output has taken over.
TEST(CniResults, NothingThatParsingWouldNotGiveIsTaken) {
  const AddResult good{{"10.0.0.1", "fd42::5"}, "veth1", R"({"ips":[]})"};
  const AddResult taken = DecodeAddResult(EncodeAnswer(base::Result<AddResult>(good))).value();
  EXPECT_EQ(taken.addresses, good.addresses);
  EXPECT_EQ(taken.host_interface, "veth1");
  EXPECT_EQ(taken.document, good.document);
  for (AddResult bad : {AddResult{{"10.0.0.1/24"}, "", "{}"}, AddResult{{"fd42:0::5"}, "", "{}"},
                        AddResult{{"x"}, "", "{}"}, AddResult{{""}, "", "{}"},
                        AddResult{{}, "a\nb", "{}"}, AddResult{{}, std::string(513, 'a'), "{}"},
                        AddResult{{}, "\xff", "{}"}, AddResult{{}, "", R"({},"type":"other")"},
                        AddResult{{}, "", ""}, AddResult{{}, "", "{\"a\":\"\xff\"}"},
                        AddResult{std::vector<std::string>(65, "10.0.0.1"), "", "{}"}})
    EXPECT_EQ(DecodeAddResult(EncodeAnswer(base::Result<AddResult>(bad))).error().code(),
              base::Code::kInternal);
  EXPECT_EQ(DecodePluginError(EncodeAnswer(PluginError{7, "no room"})).value().text, "no room");
  EXPECT_FALSE(DecodePluginError(EncodeAnswer(PluginError{7, "two\nlines"})).ok());
  EXPECT_FALSE(DecodePluginError(EncodeAnswer(PluginError{7, std::string(2000, 'x')})).ok());
  using Versions = base::Result<std::vector<std::string>>;
  EXPECT_EQ(DecodeVersions(EncodeAnswer(Versions({"1.1.0"}))).value().size(), 1u);
  for (const Versions& bad : {Versions(std::vector<std::string>{}), Versions({"a\nb"}),
                              Versions(std::vector<std::string>(1001, "1.0.0"))})
    EXPECT_FALSE(DecodeVersions(EncodeAnswer(bad)).ok());
  const std::string whole = EncodeAnswer(base::Result<AddResult>(good));
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(DecodeAddResult(whole.substr(0, size)).ok()) << size;
}

TEST(CniRecords, AreChecked) {
  Record record;
  record.state = AttachmentState::kOwed;
  record.attachment = AttachmentOf(Request(), "").value();
  record.network = kList;
  record.version = "1.1.0";
  record.result = "{}";
  record.tries = 3;
  record.owed_since = 42;
  std::string bytes = Encode(record);
  const Record read = DecodeRecord(bytes).value();
  EXPECT_EQ(read.attachment.args, record.attachment.args);
  EXPECT_EQ(read.network, kList);
  EXPECT_EQ(read.tries, 3u);
  for (size_t at : {size_t{0}, size_t{8}, bytes.size() / 2, bytes.size() - 1}) {
    std::string broken = bytes;
    broken[at] = static_cast<char>(broken[at] ^ 1);
    EXPECT_FALSE(DecodeRecord(broken).ok()) << at;
  }
}

}  // namespace
}  // namespace keelson::cni
