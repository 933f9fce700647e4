// SPDX-License-Identifier: Apache-2.0
// The connection against a manager of the test's own at the other end of a socket.
#include "lib/systemd/bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include <atomic>
#include <functional>
#include <thread>

#include "lib/base/clock.h"
#include "lib/os/socket.h"
#include "lib/os/temp_dir.h"
#include "lib/os/unique_fd.h"
#include "lib/systemd/services.h"

namespace keelson::systemd {
namespace {

using base::Code;
using testing::HasSubstr;

// Answers every connection in turn. `answer` gets each call on the manager's own thread; false: the
// connection is dropped.
class FakeManager {
 public:
  using Answer = std::function<bool(sd_bus* bus, sd_bus_message* call, const std::string& member,
                                    const std::string& unit)>;
  explicit FakeManager(const std::string& path, Answer answer)
      : listener_(os::ListenUnix(path, SOCK_STREAM).value()),
        answer_(std::move(answer)),
        thread_([this] { Run(); }) {}
  ~FakeManager() {
    end_ = true;
    thread_.join();
  }

 private:
  bool Readable(int fd) {
    while (!end_) {
      pollfd wait{fd, POLLIN, 0};
      if (poll(&wait, 1, 10) > 0) return true;
    }
    return false;
  }

  void Run() {
    while (Readable(listener_.get())) {
      os::UniqueFd peer(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      sd_bus* bus = nullptr;
      sd_id128_t id{};
      ASSERT_GE(sd_id128_randomize(&id), 0);
      ASSERT_GE(sd_bus_new(&bus), 0);
      const int fd = peer.release();
      ASSERT_GE(sd_bus_set_fd(bus, fd, fd), 0);
      ASSERT_GE(sd_bus_set_server(bus, 1, id), 0);
      dropped_ = false;
      ASSERT_GE(sd_bus_add_filter(bus, nullptr, &FakeManager::OnMessage, this), 0);
      ASSERT_GE(sd_bus_start(bus), 0);
      while (!dropped_) {
        const int done = sd_bus_process(bus, nullptr);
        if (done < 0) break;
        if (done > 0) continue;
        (void)sd_bus_wait(bus, 10000);
        if (end_) break;
      }
      sd_bus_flush(bus);
      sd_bus_close(bus);
      sd_bus_unref(bus);
    }
  }

  static int OnMessage(sd_bus_message* message, void* self, sd_bus_error*) {
    FakeManager& manager = *static_cast<FakeManager*>(self);
    uint8_t type = 0;
    (void)sd_bus_message_get_type(message, &type);
    if (type != SD_BUS_MESSAGE_METHOD_CALL) return 0;
    const char* unit = "";
    (void)sd_bus_message_read(message, "s", &unit);
    if (!manager.answer_(sd_bus_message_get_bus(message), message,
                         sd_bus_message_get_member(message), unit))
      manager.dropped_ = true;
    return 1;
  }

  os::UniqueFd listener_;
  Answer answer_;
  bool dropped_ = false;
  std::atomic<bool> end_{false};
  std::thread thread_;
};

int EndJob(sd_bus* bus, const char* job, const std::string& unit, const char* result) {
  return sd_bus_emit_signal(bus, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                            "JobRemoved", "uoss", 7u, job, unit.c_str(), result);
}

class BusTest : public testing::Test {
 protected:
  void Start(FakeManager::Answer answer,
             std::chrono::milliseconds deadline = std::chrono::minutes(1)) {
    const std::string path = directory_.path() + "/bus";
    manager_ = std::make_unique<FakeManager>(path, std::move(answer));
    units_ = ConnectUnits({"unix:path=" + path, true, deadline}).value();
    services_ = ConnectServices({"unix:path=" + path, true, deadline}).value();
  }
  os::TempDir directory_ = os::TempDir::Create("keelson-bus").value();
  std::unique_ptr<FakeManager> manager_;
  std::unique_ptr<BusUnits> units_;  // ends before the manager
  std::unique_ptr<Services> services_;
};

TEST_F(BusTest, AUnitIsStartedWhenItsJobHasEnded) {
  std::string members;
  Start([&](sd_bus* bus, sd_bus_message* call, const std::string& member, const std::string& unit) {
    members += member + " " + unit + ";";
    // Also when the job's end comes before the answer that names it.
    EXPECT_GE(EndJob(bus, "/job/1", unit, "done"), 0);
    return sd_bus_reply_method_return(call, "o", "/job/1") >= 0;
  });
  const base::Status started =
      units_->StartTransient("a.scope", ScopeProperties("b.slice", "a pod", 42));
  EXPECT_TRUE(started.ok()) << started.error().message();
  EXPECT_TRUE(units_->Stop("a.scope").ok());
  EXPECT_EQ(units_->Calls(), 2u);
  EXPECT_EQ(units_->Connections(), 1u);
  units_.reset();
  manager_.reset();
  EXPECT_EQ(members, "StartTransientUnit a.scope;StopUnit a.scope;");
}

TEST_F(BusTest, AJobThatFailsIsTold) {
  Start([&](sd_bus* bus, sd_bus_message* call, const std::string&, const std::string& unit) {
    EXPECT_GE(sd_bus_reply_method_return(call, "o", "/job/2"), 0);
    return EndJob(bus, "/job/2", unit, "timeout") >= 0;
  });
  const base::Status started = units_->StartTransient("a.scope", {});
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error().message(), HasSubstr("'a.scope' ended with 'timeout'"));
}

TEST_F(BusTest, RefusalsAreToldApart) {
  Start([&](sd_bus*, sd_bus_message* call, const std::string&, const std::string& unit) {
    return sd_bus_reply_method_errorf(call, unit.c_str(), "no") >= 0;
  });
  EXPECT_EQ(units_->StartTransient("org.freedesktop.systemd1.UnitExists", {}).error().code(),
            Code::kAlreadyExists);
  EXPECT_EQ(units_->StartTransient("org.freedesktop.DBus.Error.AccessDenied", {}).error().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(units_->SetProperties("org.freedesktop.systemd1.NoSuchUnit", {}).error().code(),
            Code::kNotFound);
  EXPECT_TRUE(units_->Stop("org.freedesktop.systemd1.NoSuchUnit").ok());
  EXPECT_TRUE(units_->ResetFailed("org.freedesktop.systemd1.NoSuchUnit").ok());
}

TEST_F(BusTest, AManagerThatDoesNotAnswerKeepsNobodyBeyondTheDeadline) {
  Start([](sd_bus*, sd_bus_message*, const std::string&, const std::string&) { return true; },
        std::chrono::milliseconds(200));
  const base::Status stopped = units_->Stop("a.scope");
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code(), Code::kDeadlineExceeded);
  EXPECT_THAT(stopped.error().message(), HasSubstr("systemd, StopUnit 'a.scope'"));
}

TEST_F(BusTest, AJobThatDoesNotEndKeepsNobodyBeyondTheDeadline) {
  Start([](sd_bus*, sd_bus_message* call, const std::string&,
           const std::string&) { return sd_bus_reply_method_return(call, "o", "/job/3") >= 0; },
        std::chrono::milliseconds(200));
  EXPECT_EQ(units_->Stop("a.scope").error().code(), Code::kDeadlineExceeded);
}

TEST_F(BusTest, WhatWasUnderWayWhenTheConnectionBrokeIsAskedAgain) {
  int count = 0;
  Start([&](sd_bus* bus, sd_bus_message* call, const std::string&, const std::string& unit) {
    ++count;
    if (count == 1) return false;  // before an answer
    if (count == 2) {              // while the job runs
      EXPECT_GE(sd_bus_reply_method_return(call, "o", "/job/4"), 0);
      return false;
    }
    EXPECT_GE(sd_bus_reply_method_return(call, "o", "/job/5"), 0);
    return EndJob(bus, "/job/5", unit, "done") >= 0;
  });
  const base::Status stopped = units_->Stop("a.scope");
  EXPECT_TRUE(stopped.ok()) << stopped.error().message();
  EXPECT_EQ(units_->Connections(), 3u);
}

TEST_F(BusTest, AUnitWhoseStartWasAnsweredToNobodyIsNotStartedTwice) {
  int count = 0;
  Start([&](sd_bus*, sd_bus_message* call, const std::string& member, const std::string&) {
    if (++count == 1) return false;
    if (member == "Get") return sd_bus_reply_method_return(call, "v", "s", "active") >= 0;
    return sd_bus_reply_method_errorf(call, "org.freedesktop.systemd1.UnitExists", "exists") >= 0;
  });
  const base::Status started = units_->StartTransient("a.scope", {});
  EXPECT_TRUE(started.ok()) << started.error().message();
}

TEST_F(BusTest, WhatAManagerThatLeftTheBusWasDoingIsAskedAgain) {
  int count = 0;
  Start([&](sd_bus* bus, sd_bus_message* call, const std::string&, const std::string& unit) {
    const std::string job = "/job/" + std::to_string(++count);
    EXPECT_GE(sd_bus_reply_method_return(call, "o", job.c_str()), 0);
    if (count > 1) return EndJob(bus, job.c_str(), unit, "done") >= 0;
    return sd_bus_emit_signal(bus, "/org/freedesktop/DBus", "org.freedesktop.DBus",
                              "NameOwnerChanged", "sss", "org.freedesktop.systemd1", ":1.0",
                              "") >= 0;
  });
  const base::Status stopped = units_->Stop("a.scope");
  EXPECT_TRUE(stopped.ok()) << stopped.error().message();
  EXPECT_EQ(units_->Calls(), 2u);
  EXPECT_EQ(units_->Connections(), 1u);
}

TEST_F(BusTest, CallsOfManyThreadsAreUnderWayAtOnce) {
  constexpr int kThreads = 16;
  std::vector<std::pair<std::string, std::string>> jobs;  // answered when all are there
  Start([&](sd_bus* bus, sd_bus_message* call, const std::string&, const std::string& unit) {
    const std::string job = "/job/" + std::to_string(jobs.size());
    EXPECT_GE(sd_bus_reply_method_return(call, "o", job.c_str()), 0);
    jobs.emplace_back(job, unit);
    if (jobs.size() < kThreads) return true;
    for (const auto& [path, name] : jobs) EXPECT_GE(EndJob(bus, path.c_str(), name, "done"), 0);
    return true;
  });
  std::vector<std::thread> threads;
  std::atomic<int> done{0};
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      if (units_->Stop("u" + std::to_string(i) + ".scope").ok()) ++done;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, kThreads);
  EXPECT_EQ(units_->Connections(), 1u);
}

// One value of each type, by its name, as systemd 252 answers.
int AnswerProperty(sd_bus_message* call, const std::string& name) {
  if (name == "NeedDaemonReload") return sd_bus_reply_method_return(call, "v", "b", 1);
  if (name == "StateChangeTimestamp")
    return sd_bus_reply_method_return(call, "v", "t", uint64_t{1795314254905324});
  if (name == "MainPID") return sd_bus_reply_method_return(call, "v", "u", 4000000000u);
  if (name == "NRestarts") return sd_bus_reply_method_return(call, "v", "u", 3u);
  if (name == "ExecMainCode") return sd_bus_reply_method_return(call, "v", "i", CLD_KILLED);
  if (name == "ExecMainStatus") return sd_bus_reply_method_return(call, "v", "i", 9);
  if (name == "Version") return sd_bus_reply_method_return(call, "v", "s", "252.38-1~deb12u1");
  return sd_bus_reply_method_return(call, "v", "s", ("of " + name).c_str());
}

TEST_F(BusTest, AServiceIsToldWithAllThatIsAskedOfIt) {
  std::string path;
  Start([&](sd_bus*, sd_bus_message* call, const std::string& member, const std::string&) {
    EXPECT_EQ(member, "Get");
    const char* name = "";
    EXPECT_GE(sd_bus_message_read(call, "s", &name), 0);
    path = sd_bus_message_get_path(call);
    return AnswerProperty(call, name) >= 0;
  });
  const Service service = services_->Look("a-b.service").value();
  EXPECT_EQ(path, "/org/freedesktop/systemd1/unit/a_2db_2eservice");
  EXPECT_EQ(service.load, "of LoadState");
  EXPECT_EQ(service.file, "of FragmentPath");
  EXPECT_TRUE(service.outdated);
  EXPECT_EQ(service.active, "of ActiveState");
  EXPECT_EQ(service.sub, "of SubState");
  EXPECT_EQ(service.changed, 1795314254905324u);
  EXPECT_EQ(service.main_pid, 4000000000u);
  EXPECT_EQ(service.restarts, 3u);
  EXPECT_EQ(service.result, "of Result");
  EXPECT_EQ(service.end_kind, CLD_KILLED);
  EXPECT_EQ(service.end_status, 9);
  EXPECT_EQ(services_->Version().value(), 252);
}

TEST_F(BusTest, FilesOfUnitsAreEnabledDisabledAndReadAgain) {
  std::string said;
  Start([&](sd_bus*, sd_bus_message* call, const std::string& member, const std::string&) {
    said += member;
    const char* unit = nullptr;
    if (sd_bus_message_enter_container(call, 'a', "s") > 0) {
      EXPECT_GT(sd_bus_message_read(call, "s", &unit), 0);
      EXPECT_EQ(sd_bus_message_at_end(call, 0), 1);
      EXPECT_GE(sd_bus_message_exit_container(call), 0);
    }
    int runtime = 1, force = 1;
    if (unit != nullptr) (void)sd_bus_message_read(call, "b", &runtime);
    if (member == "EnableUnitFiles") (void)sd_bus_message_read(call, "b", &force);
    if (unit != nullptr) said += std::string(" ") + unit + (runtime == 0 ? "" : " runtime");
    if (member == "EnableUnitFiles") said += force == 0 ? "" : " force";
    said += ";";
    return sd_bus_reply_method_return(call, "") >= 0;
  });
  EXPECT_TRUE(services_->Enable("a.service").ok());
  EXPECT_TRUE(services_->Reload().ok());
  EXPECT_TRUE(services_->Disable("a.service").ok());
  services_.reset();
  manager_.reset();
  EXPECT_EQ(said, "EnableUnitFiles a.service;Reload;DisableUnitFiles a.service;");
}

TEST_F(BusTest, AServiceRunsOrNotWhenItsJobHasEnded) {
  std::string members;
  Start([&](sd_bus* bus, sd_bus_message* call, const std::string& member, const std::string& unit) {
    members += member + " " + unit + ";";
    EXPECT_GE(sd_bus_reply_method_return(call, "o", "/job/1"), 0);
    return EndJob(bus, "/job/1", unit, member == "RestartUnit" ? "failed" : "done") >= 0;
  });
  EXPECT_TRUE(services_->Start("a.service").ok());
  EXPECT_THAT(services_->Restart("a.service").error().message(),
              HasSubstr("'a.service' ended with 'failed'"));
  EXPECT_TRUE(services_->Stop("a.service").ok());
  services_.reset();
  manager_.reset();
  EXPECT_EQ(members, "StartUnit a.service;RestartUnit a.service;StopUnit a.service;");
}

TEST(NoBusTest, WhereThereIsNoneTheErrorNamesThePlace) {
  const std::unique_ptr<BusUnits> units =
      ConnectUnits({"unix:path=/nonexistent/bus", false, std::chrono::milliseconds(50)}).value();
  const base::Status stopped = units->Stop("a.scope");
  ASSERT_FALSE(stopped.ok());
  EXPECT_THAT(stopped.error().message(), HasSubstr("unix:path=/nonexistent/bus"));
}

}  // namespace
}  // namespace keelson::systemd
