// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/json/value.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "minimal-master/audit/event.h"
#include "minimal-master/audit/log.h"

namespace keelson::audit {
namespace {

auth::Attributes Asked(std::string_view method, std::string_view path) {
  return auth::ReadAttributes(method, path, {});
}

TEST(Events, AreOfWritesAndOfSessions) {
  struct Case {
    std::string_view method;
    std::string_view path;
    bool worth;
  };
  const Case cases[] = {
      {"POST", "/api/v1/namespaces/d/pods", true},
      {"DELETE", "/apis/apps/v1/namespaces/d/deployments/x", true},
      {"GET", "/api/v1/namespaces/d/pods/x", false},
      {"GET", "/api/v1/namespaces/d/pods", false},
      {"GET", "/api/v1/namespaces/d/pods/x/log", false},
      {"GET", "/api/v1/namespaces/d/pods/x/exec", true},
      {"GET", "/api/v1/nodes/n/proxy/metrics", true},
      {"POST", "/api/v1/namespaces/d/serviceaccounts/x/token", true},
      {"POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", false},
      {"PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n", false},
      {"POST", "/api/v1/namespaces/d/events", false},
      {"GET", "/version", false},
      {"POST", "/version", true},
  };
  for (const Case& c : cases)
    EXPECT_EQ(IsWorthIt(Asked(c.method, c.path)), c.worth) << c.method << " " << c.path;
}

TEST(Events, SayWhoDidWhat) {
  service::Request request;
  request.method = "POST";
  request.target = "/apis/apps/v1/namespaces/d/deployments?fieldManager=k";
  request.remote = "[2001:db8::1]:40000";
  request.headers = {{"user-agent", "kubectl/v1.33"}, {"x-forwarded-for", "192.0.2.7, nonsense"}};
  auth::Attributes attributes = Asked("POST", "/apis/apps/v1/namespaces/d/deployments");
  auth::User real;
  real.name = "admin";
  real.groups = {"system:masters"};
  attributes.user.name = "jane";
  attributes.user.uid = "7";
  attributes.user.extra["reason"] = {"ticket"};
  attributes.user.impersonator = std::make_shared<auth::User>(real);
  const std::string made =
      R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"web","namespace":"d"}})";
  const std::string line = ToLine({.request = request,
                                   .attributes = attributes,
                                   .id = "a-b",
                                   .decision = Decision::kAllowed,
                                   .code = 201,
                                   .answer = made,
                                   .received_nanos = 1'767'225'600'000'001'000,
                                   .stage_nanos = 1'767'225'601'500'000'999});
  EXPECT_EQ(line,
            "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\","
            "\"auditID\":\"a-b\",\"stage\":\"ResponseComplete\",\"requestURI\":"
            "\"/apis/apps/v1/namespaces/d/deployments?fieldManager=k\",\"verb\":\"create\","
            "\"user\":{\"username\":\"admin\",\"groups\":[\"system:masters\"]},"
            "\"impersonatedUser\":{\"username\":\"jane\",\"uid\":\"7\",\"extra\":{\"reason\":["
            "\"ticket\"]}},\"sourceIPs\":[\"192.0.2.7\",\"2001:db8::1\"],\"userAgent\":"
            "\"kubectl/v1.33\",\"objectRef\":{\"resource\":\"deployments\",\"namespace\":\"d\","
            "\"name\":\"web\",\"apiGroup\":\"apps\",\"apiVersion\":\"v1\"},\"responseStatus\":{"
            "\"metadata\":{},\"code\":201},\"requestReceivedTimestamp\":"
            "\"2026-01-01T00:00:00.000001Z\",\"stageTimestamp\":\"2026-01-01T00:00:01.500000Z\","
            "\"annotations\":{\"authorization.k8s.io/decision\":\"allow\"}}\n");
}

TEST(Events, OfRefusalsSayWhy) {
  const service::Request request;
  const auth::Attributes attributes = Asked("DELETE", "/api/v1/namespaces/d/pods/x");
  const std::string line = ToLine(
      {.request = request,
       .attributes = attributes,
       .id = "a",
       .decision = Decision::kForbidden,
       .code = 403,
       .answer = R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
                 R"("message":"no","reason":"Forbidden","details":{"name":"x"},"code":403})"});
  const base::Result<json::Value> event = json::ParseJson(line);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(json::WriteJson(event->At({"responseStatus"})),
            R"({"metadata":{},"status":"Failure","message":"no","reason":"Forbidden",)"
            R"("details":{"name":"x"},"code":403})");
  EXPECT_EQ(event->At({"annotations", "authorization.k8s.io/decision"}).AsString(), "forbid");
}

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    base::Result<os::TempDir> dir = os::TempDir::Create();
    ASSERT_TRUE(dir.ok());
    dir_.emplace(*std::move(dir));
    path_ = dir_->path() + "/audit.log";
  }
  std::unique_ptr<Log> Open(int64_t bytes = 0, int backups = 2) {
    auto log = Log::Open({.path = path_, .max_file_bytes = bytes, .max_backups = backups});
    EXPECT_TRUE(log.ok());
    return log.ok() ? *std::move(log) : nullptr;
  }
  static std::string Text(const std::string& path) { return os::ReadFile(path).ValueOr("-"); }

  std::optional<os::TempDir> dir_;
  std::string path_;
};

TEST_F(LogTest, KeepsEveryLineInOrderAndAppends) {
  for (const char* line : {"a\n", "b\n"}) {
    const auto log = Open();
    EXPECT_TRUE(log->Write(line));
  }
  EXPECT_EQ(Text(path_), "a\nb\n");
  struct stat status{};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(LogTest, MovesFullFilesAside) {
  for (const char* line : {"aaaa\n", "bbbb\n", "cccc\n", "dddd\n"}) {
    const auto log = Open(8);
    EXPECT_TRUE(log->Write(line));
  }
  EXPECT_EQ(Text(path_), "dddd\n");
  EXPECT_EQ(Text(path_ + ".1"), "cccc\n");
  EXPECT_EQ(Text(path_ + ".2"), "bbbb\n");
  EXPECT_FALSE(os::Exists(path_ + ".3"));
}

TEST_F(LogTest, IsReopenedByNameAfterSomebodyMovedIt) {
  {
    const auto log = Open();
    EXPECT_TRUE(log->Write("a\n"));
  }
  const auto moved = path_ + ".moved";
  {
    const auto log = Open();
    ASSERT_EQ(rename(path_.c_str(), moved.c_str()), 0);
    log->Reopen();
    EXPECT_TRUE(log->Write("b\n"));
  }
  EXPECT_EQ(Text(moved), "a\n");
  EXPECT_EQ(Text(path_), "b\n");
}

// A pipe that nobody empties stands for a disk that has stopped.
TEST_F(LogTest, LosesLinesAndCountsThemWhereTheDiskStops) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  const base::Result<os::UniqueFd> reader = os::Open(path_, O_RDONLY | O_NONBLOCK);
  ASSERT_TRUE(reader.ok());
  constexpr size_t kBound = 64 << 10;
  auto log = Log::Open({.path = path_, .max_waiting_bytes = kBound});
  ASSERT_TRUE(log.ok());
  const std::string line = std::string(1023, 'x') + "\n";
  uint64_t taken = 0;
  uint64_t refused = 0;
  // More than the pipe and the bound hold together.
  const auto most = static_cast<uint64_t>(fcntl(reader->get(), F_GETPIPE_SZ)) + 2 * kBound;
  for (uint64_t i = 0; i < most / line.size(); ++i) ++((*log)->Write(line) ? taken : refused);
  EXPECT_GT(refused, 0u);
  EXPECT_EQ((*log)->stats().lost, refused);
  ASSERT_EQ(fcntl(reader->get(), F_SETFL, 0), 0);
  std::thread writer([&] { log->reset(); });  // writes what waits
  uint64_t read_bytes = 0;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(reader->get(), buffer, sizeof buffer)) > 0;)
    read_bytes += static_cast<uint64_t>(n);
  writer.join();
  EXPECT_EQ(read_bytes, taken * line.size());
}

}  // namespace
}  // namespace keelson::audit
