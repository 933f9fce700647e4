// SPDX-License-Identifier: Apache-2.0
// Against a server of this test that answers by script: what a whole API server does is seen in
// tests/master.
#include "lib/kube/client/reflector.h"

#include <gtest/gtest.h>

#include <deque>
#include <mutex>

#include "lib/http/service/server.h"
#include "lib/http/service/test_pki.h"

namespace keelson::kube {
namespace {

using service::Exchange;
using std::chrono::milliseconds;

std::string Object(const std::string& name, int revision) {
  return fmt::format(R"({{"metadata":{{"namespace":"d","name":"{}","resourceVersion":"{}"}}}})",
                     name, revision);
}
std::string Event(const std::string& type, const std::string& object) {
  return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object);
}
std::string EndOfState(int revision) {
  return Event("BOOKMARK", fmt::format(R"({{"metadata":{{"resourceVersion":"{}","annotations":)"
                                       R"({{"k8s.io/initial-events-end":"true"}}}}}})",
                                       revision));
}

class ReflectorTest : public ::testing::Test {
 protected:
  using Step = std::function<void(Exchange&)>;

  void SetUp() override {
    loop_ = os::EventLoop::Create().value();
    server_ = std::make_unique<service::Server>(service::ServerOptions(),
                                                [this](std::shared_ptr<Exchange> exchange) {
                                                  const std::lock_guard lock(mutex_);
                                                  asked_.push_back(exchange->request().target);
                                                  open_.push_back(exchange);
                                                  if (steps_.empty()) return;
                                                  const Step step = steps_.front();
                                                  steps_.pop_front();
                                                  step(*exchange);
                                                });
    ASSERT_TRUE(server_->SetTls(service::TestPki::Get().Material()).ok());
    ClientConfig config;
    config.target.host = "localhost";
    config.target.port = server_->ListenTls("127.0.0.1:0").value();
    config.target.authorities = service::TestPki::Get().Text("ca.crt");
    api_ = std::make_unique<Api>(*loop_, clock_, config, "test");
    reflector_ = std::make_unique<Reflector>(
        *api_, Reflector::Query{"/api/v1/things", "labelSelector=a"},
        Reflector::Follower{
            .changed =
                [this](const json::Value& object) {
                  seen_ += "+" + object.At({"metadata", "name"}).AsString() +
                           object.At({"metadata", "resourceVersion"}).AsString();
                },
            .gone = [this](const ObjectName& name) { seen_ += "-" + name.name; },
            .synced = [this] { seen_ += "."; },
            .problem = [this](const base::Error& error) { problem_ = error.message(); }},
        Reflector::Options{.min_backoff = milliseconds(1),
                           .max_backoff = milliseconds(20),
                           .random = [] { return 0.0; }});
  }
  void TearDown() override {
    reflector_.reset();
    api_.reset();
    server_.reset();
  }

  static Step Stream(std::vector<std::string> pieces, bool end = false) {
    return [pieces, end](Exchange& exchange) {
      exchange.Begin(200, {});
      for (const std::string& piece : pieces) exchange.Write(service::Buffer(piece));
      if (end) exchange.End();
    };
  }
  static Step Answer(int status, const std::string& body) {
    return [status, body](Exchange& exchange) { exchange.Respond(status, {}, body); };
  }
  void Script(std::vector<Step> steps) {
    const std::lock_guard lock(mutex_);
    for (Step& step : steps) steps_.push_back(std::move(step));
  }
  testing::AssertionResult Sees(const std::string& wanted) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (seen_ != wanted && std::chrono::steady_clock::now() < deadline)
      loop_->RunOnce(milliseconds(20));
    return seen_ == wanted ? testing::AssertionSuccess()
                           : testing::AssertionFailure() << "saw " << seen_;
  }
  std::string asked(size_t index) {
    const std::lock_guard lock(mutex_);
    return index < asked_.size() ? asked_[index] : "";
  }

  base::SystemClock clock_;
  std::unique_ptr<os::EventLoop> loop_;
  std::unique_ptr<service::Server> server_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<Reflector> reflector_;
  std::string seen_;
  std::string problem_;
  std::mutex mutex_;
  std::vector<std::string> asked_;               // guarded by mutex_
  std::vector<std::shared_ptr<Exchange>> open_;  // guarded by mutex_
  std::deque<Step> steps_;                       // guarded by mutex_
};

TEST_F(ReflectorTest, TakesTheStateAndTheChangesFromOneStream) {
  Script({Stream({Event("ADDED", Object("a", 3)) + Event("ADDED", Object("b", 4)).substr(0, 20),
                  Event("ADDED", Object("b", 4)).substr(20) + EndOfState(7),
                  Event("MODIFIED", Object("a", 8)), Event("DELETED", Object("b", 9))})});
  reflector_->Start();
  ASSERT_TRUE(Sees("+a3+b4.+a8-b"));
  EXPECT_TRUE(reflector_->synced());
  EXPECT_EQ(reflector_->size(), 1u);
  EXPECT_NE(asked(0).find("sendInitialEvents=true"), std::string::npos);
  EXPECT_NE(asked(0).find("&labelSelector=a"), std::string::npos);
}

TEST_F(ReflectorTest, ABrokenWatchGoesOnWhereItWas) {
  Script({Stream({Event("ADDED", Object("a", 3)), EndOfState(7), Event("MODIFIED", Object("a", 8))},
                 true),
          Stream({Event("ADDED", Object("c", 9))})});
  reflector_->Start();
  ASSERT_TRUE(Sees("+a3.+a8+c9"));
  EXPECT_NE(asked(1).find("resourceVersion=8"), std::string::npos);
}

TEST_F(ReflectorTest, AfterAGapEverythingIsToldAgainAndWhatWentIsGone) {
  Script({Stream({Event("ADDED", Object("a", 3)), Event("ADDED", Object("b", 4)), EndOfState(7)},
                 true),
          Stream({Event("ERROR", R"({"kind":"Status","code":410,"reason":"Expired"})")}, true),
          Stream({Event("ADDED", Object("b", 4)), EndOfState(50)})});
  reflector_->Start();
  ASSERT_TRUE(Sees("+a3+b4.+b4-a."));
}

TEST_F(ReflectorTest, AServerWithoutStreamedStatesIsReadInPages) {
  Script({Answer(422, R"({"kind":"Status","code":422,"message":"sendInitialEvents is forbidden"})"),
          Answer(200, fmt::format(R"({{"metadata":{{"continue":"x/y=","resourceVersion":"7"}},)"
                                  R"("items":[{}]}})",
                                  Object("a", 3))),
          Answer(200, fmt::format(R"({{"metadata":{{"resourceVersion":"7"}},"items":[{}]}})",
                                  Object("b", 4))),
          Stream({Event("DELETED", Object("a", 9))})});
  reflector_->Start();
  ASSERT_TRUE(Sees("+a3+b4.-a"));
  EXPECT_NE(asked(2).find("continue=x%2Fy%3D"), std::string::npos);
  EXPECT_NE(asked(3).find("resourceVersion=7"), std::string::npos);
}

TEST_F(ReflectorTest, ARefusalIsToldAndTriedAgain) {
  Script({Answer(403, R"({"kind":"Status","code":403,"message":"things is forbidden"})"),
          Answer(500, "oops"), Stream({EndOfState(7)})});
  reflector_->Start();
  ASSERT_TRUE(Sees("."));
  EXPECT_NE(problem_.find("500"), std::string::npos) << problem_;
}

}  // namespace
}  // namespace keelson::kube
