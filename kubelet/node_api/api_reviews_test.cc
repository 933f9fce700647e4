// SPDX-License-Identifier: Apache-2.0
// Reviews over the wire, by a server that does what the test says.
#include "kubelet/node_api/api_reviews.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <thread>

#include "lib/http/service/server.h"
#include "lib/http/service/test_pki.h"

namespace keelson::node_api {
namespace {

using service::Exchange;
using service::TestPki;
using testing::HasSubstr;

class ReviewsOverTheWire : public testing::Test {
 protected:
  ReviewsOverTheWire() {
    EXPECT_TRUE(server_.SetTls(TestPki::Get().Material()).ok());
    kube::ClientConfig config;
    config.target.host = "127.0.0.1";
    config.target.port = server_.ListenTls("127.0.0.1:0").value();
    config.target.authorities = TestPki::Get().Text("ca.crt");
    config.target.certificate = TestPki::Get().Text("client.crt");
    config.target.key = TestPki::Get().Text("client.key");
    loop_ = os::EventLoop::Create().value();
    api_ = std::make_unique<kube::Api>(*loop_, clock_, std::move(config), "test");
    thread_ = std::thread([this] { loop_->Run(); });
  }
  ~ReviewsOverTheWire() override {
    loop_->Stop();
    thread_.join();
    api_.reset();
  }
  // In this order; the last one stays. 0: no answer at all.
  void Answers(std::vector<std::pair<int, std::string>> answers) {
    const std::lock_guard lock(mutex_);
    answers_.assign(answers.begin(), answers.end());
  }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  const base::SystemClock clock_;
  std::unique_ptr<os::EventLoop> loop_;
  std::unique_ptr<kube::Api> api_;

 private:
  void Answer(const std::shared_ptr<Exchange>& exchange) {
    const std::lock_guard lock(mutex_);
    asked_.push_back(exchange->request().method + " " + exchange->request().path + " " +
                     exchange->request().body);
    const auto [status, body] = answers_.front();
    if (answers_.size() > 1) answers_.pop_front();
    if (status == 0) {
      held_.push_back(exchange);
      return;
    }
    exchange->Respond(status, {{"Content-Type", "application/json"}}, body);
  }

  std::mutex mutex_;
  std::deque<std::pair<int, std::string>> answers_;  // guarded by mutex_, as all below
  std::vector<std::string> asked_;
  std::vector<std::shared_ptr<Exchange>> held_;
  service::Server server_{{}, [this](std::shared_ptr<Exchange> exchange) { Answer(exchange); }};
  std::thread thread_;
};

constexpr char kYes[] = R"({"kind":"SubjectAccessReview","status":{"allowed":true}})";
const Question kQuestion{{.name = "a", .uid = "", .groups = {}, .extra = {}}, "get", "log", "n"};

TEST_F(ReviewsOverTheWire, AreCreatedAndRead) {
  ApiReviews reviews(*api_, std::chrono::minutes(1));
  Answers({{201, kYes}});
  EXPECT_TRUE(reviews.Access(kQuestion).value());
  Answers({{201, R"({"status":{"authenticated":true,"user":{"username":"bob"}}})"}});
  EXPECT_EQ(reviews.Token("secret").value()->name, "bob");
  EXPECT_THAT(
      asked(),
      testing::ElementsAre(
          testing::StartsWith("POST /apis/authorization.k8s.io/v1/subjectaccessreviews {"),
          testing::AllOf(testing::StartsWith("POST /apis/authentication.k8s.io/v1/tokenreviews {"),
                         HasSubstr("secret"))));
}

TEST_F(ReviewsOverTheWire, AreTriedAgainWhereTheServerHasNoTime) {
  ApiReviews reviews(*api_, std::chrono::minutes(1));
  Answers({{503, "{}"}, {503, "{}"}, {201, kYes}});
  EXPECT_TRUE(reviews.Access(kQuestion).value());
  EXPECT_EQ(asked().size(), 3u);
  Answers({{503, "{}"}});
  EXPECT_FALSE(reviews.Access(kQuestion).ok());
  Answers({{403, "{}"}});
  const size_t before = asked().size();
  EXPECT_FALSE(reviews.Access(kQuestion).ok());
  EXPECT_EQ(asked().size(), before + 1);
}

TEST_F(ReviewsOverTheWire, GiveUpOnAServerThatSaysNothing) {
  ApiReviews reviews(*api_, std::chrono::milliseconds(100));
  Answers({{0, ""}});
  EXPECT_FALSE(reviews.Access(kQuestion).ok());
}

}  // namespace
}  // namespace keelson::node_api
