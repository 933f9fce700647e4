// SPDX-License-Identifier: Apache-2.0
// The page of the real keelson-master in Debian's Chromium: what it shows of a cluster and in which
// order, that it follows, and that it asks nobody else for anything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <cstdlib>
#include <optional>

#include "tests/browser/chromium.h"
#include "tests/browser/page_cluster.h"

namespace keelson::browser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class PageInChromium : public testing::Test {
 protected:
  void SetUp() override {
    if (!Chromium::IsThere()) GTEST_SKIP() << "there is no " << Chromium::kProgram;
    signal(SIGPIPE, SIG_IGN);
    cluster_.emplace();
    ASSERT_FALSE(cluster_->host().empty());
    auto started = Chromium::Start();
    ASSERT_TRUE(started.ok()) << started.error().message();
    browser_.emplace(std::move(*started));
  }
  void TearDown() override {
    if (!browser_) return;
    if (HasFailure() || std::getenv("KEELSON_SCREENSHOTS") != nullptr) Shoot("last");
    for (const std::string& address : browser_->requests())
      EXPECT_THAT(address, testing::AnyOf(StartsWith(cluster_->url()), "about:blank"));
  }

  void Open() {
    ASSERT_TRUE(browser_->Open(cluster_->url()).ok());
    Wait(
        "document.readyState === 'complete' && !!document.querySelector('#connection') && "
        "document.querySelector('#connection').textContent === 'live'");
  }
  void Wait(const std::string& expression) {
    const base::Status seen = browser_->WaitFor(expression);
    ASSERT_TRUE(seen.ok()) << seen.error().message() << "\n" << cluster_->master().Log();
  }
  std::string Text(const std::string& expression) {
    const auto value = browser_->Evaluate(expression);
    EXPECT_TRUE(value.ok()) << value.error().message();
    return value.ok() ? value->AsString() : "";
  }
  // The texts of what `selector` finds.
  std::vector<std::string> Texts(const std::string& selector) {
    const auto value = browser_->Evaluate("[...document.querySelectorAll('" + selector +
                                          "')].map((e) => e.textContent)");
    EXPECT_TRUE(value.ok()) << value.error().message();
    std::vector<std::string> out;
    if (value.ok())
      for (const json::Value& item : value->items()) out.push_back(item.AsString());
    return out;
  }
  static std::string Has(const std::string& selector, const std::string& text) {
    return "document.querySelector('" + selector + "').textContent.includes(" +
           json::WriteJson(json::Value(text)) + ")";
  }
  // For people: KEELSON_SCREENSHOTS names a folder.
  void Shoot(const std::string& name) {
    const char* folder = std::getenv("KEELSON_SCREENSHOTS");
    if (folder != nullptr)
      (void)browser_->SaveScreenshot(std::string(folder) + "/" + name + ".png");
  }

  // One node that is there and one that is not, and pods in all kinds of trouble.
  void Fill() {
    cluster_->AddNode("near", true);
    cluster_->AddNode("far", false);
    for (const char* name : {"good-0", "good-1", "good-2"})
      cluster_->AddPod(name, "near", PageCluster::Running());
    cluster_->AddPod("crashes", "near", PageCluster::Waiting("CrashLoopBackOff", "back-off"));
    cluster_->AddPod(
        "imageless", "near",
        PageCluster::Waiting("ImagePullBackOff", "no <img src=x onerror=document.title='taken'>"));
    cluster_->AddPod("huge", "", "", R"("nodeSelector":{"size":"huge"},)");
    cluster_->Do("POST", "/api/v1/namespaces/default/services",
                 R"({"metadata":{"name":"nobody"},"spec":{"selector":{"app":"none"},)"
                 R"("ports":[{"port":80}]}})");
    cluster_->Do("POST", "/api/v1/namespaces/default/services",
                 R"({"metadata":{"name":"by-name"},"spec":{"type":"ExternalName",)"
                 R"("externalName":"elsewhere.test"}})");
    cluster_->Do("POST", "/api/v1/namespaces/default/events",
                 R"({"metadata":{"name":"told"},"involvedObject":{"kind":"Pod","namespace":)"
                 R"("default","name":"imageless"},"type":"Warning","reason":"Failed","count":3,)"
                 R"("message":"<script>document.title='taken'</script> & more",)"
                 R"("lastTimestamp":"2026-01-01T00:00:00Z"})");
  }

  std::optional<PageCluster> cluster_;
  std::optional<Chromium> browser_;
};

TEST_F(PageInChromium, WhatIsWrongComesFirstAndTheRestIsThere) {
  Fill();
  ASSERT_TRUE(browser_->SetSize(1280, 1500, false).ok());
  Open();
  Wait(
      "[...document.querySelectorAll('#findings .object')].some((e) => e.textContent === "
      "'default/nobody') && " +
      Has("#findings", "default/huge"));
  EXPECT_THAT(Texts("#findings .object"), ElementsAre("far", "default/huge", "default/imageless",
                                                      "default/crashes", "default/nobody"));
  EXPECT_EQ(Text("document.querySelector('#verdict').textContent"),
            "4 things do not work, 1 warning");
  EXPECT_THAT(Text("document.querySelector('#findings').textContent"),
              HasSubstr("nodes are available: "));
  EXPECT_THAT(Texts("#findings li:first-child .detail"), ElementsAre("the network is not there"));
  EXPECT_TRUE(browser_
                  ->Evaluate("document.querySelector('#wrong').compareDocumentPosition("
                             "document.querySelector('#nodes')) === "
                             "Node.DOCUMENT_POSITION_FOLLOWING")
                  ->AsBool());
  // Those in trouble first here too, then by name.
  EXPECT_THAT(Texts("#pods td.name"),
              ElementsAre("default/crashes", "default/huge", "default/imageless", "default/good-0",
                          "default/good-1", "default/good-2"));
  EXPECT_THAT(Texts("#nodes h3 span:first-child"), ElementsAre("far", "near", "On no node"));
  // The kubelet of the test says two cores and 4 GiB.
  Wait(
      "[...document.querySelectorAll('.node')][1].textContent.includes('4.0 Gi used') && "
      "[...document.querySelectorAll('.node')][1].querySelector('polyline')"
      ".getAttribute('points').includes(' ')");
  EXPECT_THAT(Text("[...document.querySelectorAll('.node')][1].textContent"),
              testing::ContainsRegex("(1\\.9|2\\.0)[0-9]? used"));
  EXPECT_THAT(Text("[...document.querySelectorAll('.squares')][1].getAttribute('aria-label')"),
              "2 does not work, 3 running");
  EXPECT_THAT(Texts("#services td.name"), ElementsAre("default/nobody", "default/by-name"));
  Shoot("desktop");
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageInChromium, WordsOfOthersAreTextAndNothingElse) {
  Fill();
  Open();
  Wait(Has("#events", "<script>document.title='taken'</script> & more"));
  Wait(Has("#findings", "no <img src=x onerror=document.title='taken'>"));
  EXPECT_EQ(browser_->Evaluate("document.images.length")->AsInt(), 1);
  EXPECT_EQ(browser_->Evaluate("document.scripts.length")->AsInt(), 1);
  EXPECT_THAT(Text("document.title"), testing::EndsWith("Keelson"));
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageInChromium, ItFollowsTheClusterAndTheFilterFindsPods) {
  cluster_->AddNode("near", true);
  cluster_->AddPod("one", "near", PageCluster::Running());
  Open();
  Wait(Has("#pods", "default/one"));
  Wait("document.querySelector('#verdict').textContent === 'All is well'");
  EXPECT_EQ(Text("document.querySelector('#findings-empty').textContent"), "Nothing.");
  cluster_->AddPod("two", "near", PageCluster::Waiting("CrashLoopBackOff", ""));
  Wait(Has("#findings", "default/two"));
  EXPECT_THAT(Text("document.title"), StartsWith("(1)"));
  const std::string type =
      "(() => { const f = document.querySelector('#filter'); f.value = 'ONE'; "
      "f.dispatchEvent(new Event('input')); return true; })()";
  ASSERT_TRUE(browser_->Evaluate(type).ok());
  Wait("document.querySelectorAll('#pods tr').length === 1 && " + Has("#pods", "default/one"));
  ASSERT_TRUE(browser_
                  ->Evaluate("document.querySelector('#filter').value = ''; "
                             "document.querySelector('#only-wrong').click()")
                  .ok());
  Wait("document.querySelectorAll('#pods tr').length === 1 && " + Has("#pods", "default/two"));
  cluster_->Do("DELETE", "/api/v1/namespaces/default/pods/two?gracePeriodSeconds=0");
  Wait("document.querySelector('#verdict').textContent === 'All is well'");
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageInChromium, AContainersLogIsFollowed) {
  cluster_->AddNode("near", true);
  cluster_->AddPod("one", "near", PageCluster::Running());
  Open();
  Wait(Has("#pods", "default/one"));
  ASSERT_TRUE(browser_->Evaluate("document.querySelector('#pods button').click()").ok());
  Wait("document.querySelector('#log').open && " +
       Has("#log-text", "of /containerLogs/default/one/app?follow=true&tailLines=500"));
  EXPECT_EQ(Text("document.querySelector('#log-title').textContent"), "default/one");
  cluster_->Log("a line <b>later</b>\n");
  Wait(Has("#log-text", "a line <b>later</b>"));
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#log-text').children.length")->AsInt(), 0);
  // The end of a long one is kept.
  for (int i = 0; i < 30; ++i) cluster_->Log(std::string(100, 'x') + std::string(100, '\n'));
  cluster_->Log("the last\n");
  Wait(Has("#log-text", "the last"));
  EXPECT_LE(
      browser_->Evaluate("document.querySelector('#log-text').textContent.split('\\n').length")
          ->AsInt(),
      2001);
  Shoot("log");
  ASSERT_TRUE(browser_->Evaluate("document.querySelector('#log-previous').click()").ok());
  Wait(Has("#log-text", "previous=true") + " && " + Has("#log-state", "ended"));
  ASSERT_TRUE(browser_->Press("Escape", 27).ok());
  Wait("!document.querySelector('#log').open");
  EXPECT_EQ(cluster_->logs(), 2u);
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageInChromium, ItFitsAPhoneAndTheDark) {
  Fill();
  ASSERT_TRUE(browser_->SetSize(360, 740, true).ok());
  Open();
  Wait(Has("#findings", "default/huge"));
  EXPECT_LE(browser_->Evaluate("document.documentElement.scrollWidth")->AsInt(), 360);
  const std::string dark = Text("getComputedStyle(document.body).backgroundColor");
  Shoot("phone");
  ASSERT_TRUE(browser_->SetSize(1280, 900, false).ok());
  EXPECT_NE(Text("getComputedStyle(document.body).backgroundColor"), dark);
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageInChromium, ItSaysWhenTheMasterIsGone) {
  cluster_->AddNode("near", true);
  Open();
  Wait(Has("#nodes", "near"));
  cluster_->master().Kill();
  Wait(Has("#connection", "does not answer"));
  EXPECT_THAT(Texts("#nodes h3 span:first-child"), ElementsAre("near"));  // as it was
}

}  // namespace
}  // namespace keelson::browser
