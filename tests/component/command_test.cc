// SPDX-License-Identifier: Apache-2.0
// The whole `keelson` command, in this process, against the kubelet's server over a fake node and a
// CRI that answers what it is told.
#include <gmock/gmock.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/command_line.h"
#include "cri-api/cri.h"
#include "cri-api/service.grpc.pb.h"
#include "kubelet/server/fake_node_view.h"
#include "kubelet/server/server.h"
#include "lib/base/fake_clock.h"
#include "lib/json/value.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr int64_t kNow = 1'767'323'045'000'000'000;  // 2026-01-02T03:04:05Z

constexpr const char* kPods = R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[
 {"metadata":{"name":"web-n1","namespace":"default","creationTimestamp":"2026-01-02T03:00:00Z"},
  "spec":{"nodeName":"n1","containers":[{"name":"main","image":"nginx:demo"},{"name":"side","image":"busybox"}]},
  "status":{"phase":"Running","podIP":"10.42.0.7","containerStatuses":[
   {"name":"main","ready":true,"restartCount":0,"containerID":"keelson://c-main","state":{"running":{"startedAt":"2026-01-02T03:00:05Z"}},"lastState":{}},
   {"name":"side","ready":false,"restartCount":2,"containerID":"keelson://c-side","state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 20s"}},
    "lastState":{"terminated":{"exitCode":1,"reason":"Error","message":"no \u001b[31mport","finishedAt":"2026-01-02T03:04:00Z"}}}]}},
 {"metadata":{"name":"job","namespace":"batch","creationTimestamp":"2026-01-02T03:00:00Z"},"spec":{"containers":[{"name":"main","image":"busybox"}]},
  "status":{"phase":"Succeeded","containerStatuses":[{"name":"main","state":{"terminated":{"exitCode":0,"reason":"Completed"}}}]}}]})";

class View final : public server::NodeView {
 public:
  std::string Pods() const override { return kPods; }
  std::string RunningPods() const override { return kPods; }
  std::string Configuration() const override { return "{}"; }
  base::Result<std::string> Explain(const std::string& name_space,
                                    const std::string& pod) const override {
    if (pod != "web-n1")
      return base::NotFound("pod \"{}/{}\" is not on this node\nrefused: bad.yaml: no name",
                            name_space, pod);
    return "plan of " + name_space + "/" + pod;
  }
  base::Result<LogFile> Log(const std::string& name_space, const std::string& pod,
                            const std::string& container, bool previous) const override {
    if (name_space != "default" || pod != "web-n1" || container != "main")
      return base::InvalidArgument("container \"{}\" is waiting to start", container);
    return previous ? LogFile{directory + "/pod/main/0.log", false}
                    : LogFile{directory + "/pod/main/1.log", false};
  }
  std::string Unhealthy() const override { return ""; }
  std::string directory;
};

class Containers final : public cri::RuntimeService::Service {
 public:
  grpc::Status Version(grpc::ServerContext*, const cri::VersionRequest*,
                       cri::VersionResponse* answer) override {
    answer->set_runtime_name("fake");
    return grpc::Status::OK;
  }
  grpc::Status Status(grpc::ServerContext*, const cri::StatusRequest*,
                      cri::StatusResponse* answer) override {
    cri::RuntimeCondition* condition = answer->mutable_status()->add_conditions();
    condition->set_type("NetworkReady");
    condition->set_message("no bridge");
    return grpc::Status::OK;
  }
  grpc::Status ListContainers(grpc::ServerContext*, const cri::ListContainersRequest*,
                              cri::ListContainersResponse* answer) override {
    for (const char* name : {"main", "side"}) {
      cri::Container* container = answer->add_containers();
      container->set_id(std::string("c-") + name);
      container->mutable_metadata()->set_name(name);
      container->set_image_id("sha256:used");
      container->set_state(cri::CONTAINER_RUNNING);
      container->set_created_at(name == std::string("main") ? 1 : 2);
      auto& labels = *container->mutable_labels();
      labels["io.kubernetes.pod.name"] = "web-n1";
      labels["io.kubernetes.pod.namespace"] = "default";
      labels["io.kubernetes.container.name"] = name;
    }
    return grpc::Status::OK;
  }
  grpc::Status ExecSync(grpc::ServerContext*, const cri::ExecSyncRequest* request,
                        cri::ExecSyncResponse* answer) override {
    if (request->cmd(0) == "sleep") return {grpc::StatusCode::DEADLINE_EXCEEDED, "timed out"};
    std::string words;
    for (const std::string& word : request->cmd()) words += "<" + word + ">";
    answer->set_stdout("in " + request->container_id() + ": " + words + "\n");
    answer->set_stderr("remark\n");
    answer->set_exit_code(3);
    return grpc::Status::OK;
  }
};

class ImagesHeld final : public cri::ImageService::Service {
 public:
  grpc::Status ListImages(grpc::ServerContext*, const cri::ListImagesRequest*,
                          cri::ListImagesResponse* answer) override {
    cri::Image* image = answer->add_images();
    image->set_id("sha256:0123456789abcdef0123");
    image->add_repo_tags("localhost:5000/nginx:demo");
    image->add_repo_tags("nginx:1");
    image->set_size(12'345'678);
    return grpc::Status::OK;
  }
  grpc::Status ImageStatus(grpc::ServerContext*, const cri::ImageStatusRequest* request,
                           cri::ImageStatusResponse* answer) override {
    const std::string& name = request->image().image();
    if (name == "used" || name == "unused") answer->mutable_image()->set_id("sha256:" + name);
    return grpc::Status::OK;
  }
  grpc::Status RemoveImage(grpc::ServerContext*, const cri::RemoveImageRequest*,
                           cri::RemoveImageResponse*) override {
    return grpc::Status::OK;
  }
  grpc::Status PullImage(grpc::ServerContext*, const cri::PullImageRequest* request,
                         cri::PullImageResponse* answer) override {
    if (request->image().image() == "none")
      return {grpc::StatusCode::NOT_FOUND, "pull image 'none': no such image"};
    if (request->image().image() == "far")
      return {grpc::StatusCode::UNAVAILABLE, "pull image 'far': no answer"};
    answer->set_image_ref("sha256:pulled");
    return grpc::Status::OK;
  }
};

struct Answer {
  int code;
  std::string out, err;
};

class CommandTest : public testing::Test {
 protected:
  void SetUp() override {
    view_.directory = directory_.path();
    ASSERT_TRUE(os::MakeDirs(directory_.path() + "/pod/main", 0755).ok());
    ASSERT_TRUE(os::WriteFileAtomic(
                    directory_.path() + "/pod/main/1.log",
                    "2026-01-02T03:04:00Z stdout F one\n2026-01-02T03:04:01Z stderr F two\n", 0600)
                    .ok());
    ASSERT_TRUE(os::WriteFileAtomic(directory_.path() + "/pod/main/0.log",
                                    "2026-01-02T03:00:00Z stdout F before\n", 0600)
                    .ok());
    auto kubelet = server::Server::Listen(kubelet_socket_, view_);
    ASSERT_TRUE(kubelet.ok());
    kubelet_ = std::move(kubelet).value();
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix://" + runtime_socket_, grpc::InsecureServerCredentials());
    builder.RegisterService(&containers_);
    builder.RegisterService(&images_);
    runtime_ = builder.BuildAndStart();
    ASSERT_NE(runtime_, nullptr);
  }
  Answer Keelson(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--kubelet-socket", kubelet_socket_, "--runtime-socket",
                                         "unix://" + runtime_socket_});
    std::ostringstream out, err;
    const int code = cli::Run(arguments, clock_, {out, err});
    return {code, out.str(), err.str()};
  }

  const base::ManualClock clock_{kNow - 1'000'000'000};
  const os::TempDir directory_ = os::TempDir::Create("command").value();
  const std::string kubelet_socket_ = directory_.path() + "/kubelet.sock",
                    runtime_socket_ = directory_.path() + "/cri.sock";
  View view_;
  Containers containers_;
  ImagesHeld images_;
  std::unique_ptr<server::Server> kubelet_;
  std::unique_ptr<grpc::Server> runtime_;
};

TEST_F(CommandTest, PsListsPods) {
  const Answer running = Keelson({"ps"});
  EXPECT_EQ(running.code, 0);
  EXPECT_EQ(running.out,
            "NAMESPACE   NAME     READY   STATUS             RESTARTS     AGE    IP\n"
            "default     web-n1   1/2     CrashLoopBackOff   2 (5s ago)   4m5s   10.42.0.7\n");
  EXPECT_EQ(running.err, "1 pod has completed and is not shown; -a shows all\n");
  EXPECT_THAT(Keelson({"ps", "-a"}).out, HasSubstr("batch       job"));
  EXPECT_THAT(Keelson({"ps", "-a", "-n", "batch", "-o", "wide"}).out,
              "NAME   READY   STATUS      RESTARTS   AGE    IP       NODE     IMAGES\n"
              "job    0/1     Completed   0          4m5s   <none>   <none>   busybox\n");
  EXPECT_EQ(Keelson({"ps", "-n", "none"}).err, "no pods in namespace 'none'\n");
}

TEST_F(CommandTest, PsShowsContainersAndWhyTheyEnded) {
  EXPECT_EQ(Keelson({"ps", "-c", "-n", "default"}).out,
            "NAME     READY   STATUS             RESTARTS     AGE    IP          LAST EXIT         "
            "      MESSAGE\n"
            "web-n1   1/2     CrashLoopBackOff   2 (5s ago)   4m5s   10.42.0.7\n"
            "  main   yes     Running            0            4m\n"
            "  side   no      CrashLoopBackOff   2 (5s ago)                      exit 1, Error, 5s "
            "ago   last run: no  [31mport; back-off 20s\n");
}

TEST_F(CommandTest, PsGivesDocumentsToPrograms) {
  const auto list = json::ParseJson(Keelson({"ps", "-o", "json"}).out);
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->At({"kind"}).AsString(), "PodList");
  EXPECT_EQ(list->At({"items"}).items().size(), 1u);
  EXPECT_EQ(json::ParseYaml(Keelson({"ps", "-a", "-o", "yaml"}).out)->At({"items"}).items().size(),
            2u);
}

TEST_F(CommandTest, LogsOfAContainer) {
  EXPECT_EQ(Keelson({"logs", "web"}).out, "one\ntwo\n");
  EXPECT_EQ(Keelson({"logs", "web"}).err, "container 'main', the first of: main, side\n");
  EXPECT_EQ(Keelson({"logs", "web", "main", "--tail", "1", "--timestamps"}).out,
            "2026-01-02T03:04:01Z two\n");
  EXPECT_EQ(Keelson({"logs", "-p", "web-n1", "-c", "main"}).out, "before\n");
  EXPECT_EQ(Keelson({"logs", "-f", "default/web", "main"}).out, "one\ntwo\n");
  const Answer refused = Keelson({"logs", "web", "side"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.err,
            "keelson: container \"side\" is waiting to start: CrashLoopBackOff: last run: no  "
            "[31mport; back-off 20s\n");
  EXPECT_THAT(Keelson({"logs", "nobody"}).err, HasSubstr("there are: default/web-n1, batch/job"));
  EXPECT_THAT(Keelson({"logs", "web", "main", "--since", "soon"}).err,
              HasSubstr("not a span of time"));
}

TEST_F(CommandTest, ExplainsPods) {
  EXPECT_EQ(Keelson({"explain", "web"}).out, "plan of default/web-n1\n");
  EXPECT_EQ(Keelson({"explain", "pod", "web"}).out, "plan of default/web-n1\n");
  const Answer unknown = Keelson({"explain", "bad"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_EQ(unknown.err,
            "keelson: no pod 'bad' on this node; there are: default/web-n1, batch/job\nrefused: "
            "bad.yaml: no name\n");
}

TEST_F(CommandTest, ExecPassesOutputAndExitCodeOn) {
  const Answer done = Keelson({"exec", "web", "-c", "main", "--", "sh", "-c", "[ a ]", "--", "-x"});
  EXPECT_EQ(done.code, 3);
  EXPECT_EQ(done.out, "in c-main: <sh><-c><[ a ]><--><-x>\n");
  EXPECT_EQ(done.err, "remark\n");
  EXPECT_EQ(Keelson({"exec", "web", "--", "sleep"}).code, 124);
  EXPECT_EQ(Keelson({"exec", "web", "--", "true"}).err,
            "container 'main', the first of: main, side\nremark\n");
  const Answer waiting = Keelson({"exec", "web", "-c", "side", "--", "true"});
  EXPECT_EQ(waiting.code, 125);
  EXPECT_EQ(waiting.err, "keelson: container 'side' does not run: CrashLoopBackOff\n");
  EXPECT_THAT(Keelson({"exec", "web", "ls"}).err, HasSubstr("keelson exec POD -- COMMAND"));
  EXPECT_EQ(Keelson({"exec", "web"}).code, 125);
}

TEST_F(CommandTest, ExecNeedsNoKubeletOfOurs) {
  kubelet_.reset();
  EXPECT_THAT(Keelson({"exec", "web-n1", "--", "ls"}).out, StartsWith("in c-main"));
  EXPECT_THAT(Keelson({"exec", "default/web-n1", "-c", "side", "--", "ls"}).out,
              StartsWith("in c-side"));
  EXPECT_THAT(Keelson({"exec", "web-n1", "-c", "x", "--", "ls"}).err,
              HasSubstr("these do: main, side"));
  EXPECT_THAT(Keelson({"exec", "x", "--", "ls"}).err, HasSubstr("no pod 'x'"));
}

TEST_F(CommandTest, ImagesAreListedPulledAndRemoved) {
  EXPECT_EQ(Keelson({"images"}).out,
            "IMAGE                  TAG    IMAGE ID       SIZE\n"
            "localhost:5000/nginx   demo   0123456789ab   12.3MB\n"
            "nginx                  1      0123456789ab   12.3MB\n");
  EXPECT_EQ(json::ParseJson(Keelson({"images", "-o", "json"}).out)->At({"images"}).items().size(),
            1u);
  EXPECT_EQ(Keelson({"pull", "nginx"}).out, "sha256:pulled\n");
  const Answer none = Keelson({"pull", "none"});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, HasSubstr("keelson: pull image 'none': no such image\n"));
  const Answer unreachable = Keelson({"pull", "far"});
  EXPECT_THAT(unreachable.err, HasSubstr("keelson: pull image 'far': no answer\n"));
  const Answer removed = Keelson({"rmi", "used", "unused", "unknown"});
  EXPECT_EQ(removed.code, 1);
  EXPECT_EQ(removed.out, "removed unused\n");
  EXPECT_EQ(removed.err,
            "keelson: image 'used' is used by default/web-n1/main, default/web-n1/side; --force "
            "removes it all the same\n"
            "no image 'unknown'; see keelson images\n");
  EXPECT_EQ(Keelson({"rmi", "-f", "used"}).out, "removed used\n");
}

TEST_F(CommandTest, DoctorSaysWhatTheDaemonsSay) {
  const Answer answer = Keelson({"doctor"});
  EXPECT_EQ(answer.code, 1);  // the fake runtime has no network
  EXPECT_THAT(answer.out, AllOf(HasSubstr("cgroup"), HasSubstr("NetworkReady is false"),
                                HasSubstr("no bridge"), HasSubstr("healthy, 2 pods")));
  EXPECT_TRUE(json::ParseJson(Keelson({"doctor", "-o", "json"}).out).ok());
}

TEST_F(CommandTest, SaysWhatDoesNotAnswer) {
  kubelet_.reset();
  const Answer gone = Keelson({"ps"});
  EXPECT_EQ(gone.code, 1);
  EXPECT_THAT(gone.err, AllOf(StartsWith("keelson: is keelson-kubelet running?"),
                              HasSubstr(kubelet_socket_)));
  EXPECT_EQ(gone.out, "");
  runtime_->Shutdown();
  EXPECT_THAT(Keelson({"images"}).err, AllOf(StartsWith("keelson: is keelson-runtime running?"),
                                             HasSubstr(runtime_socket_)));
}

TEST_F(CommandTest, IsNotMisunderstood) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                {"dance"},
                                                {"ps", "-o", "xml"},
                                                {"logs"},
                                                {"pull"},
                                                {"explain", "node", "n1"}}) {
    const Answer answer = Keelson(words);
    EXPECT_EQ(answer.code, 2);
    EXPECT_EQ(answer.out, "");
    EXPECT_THAT(answer.err, Not(testing::IsEmpty()));
  }
  EXPECT_EQ(Keelson({"ps", "--help"}).code, 0);
}

}  // namespace
}  // namespace keelson
