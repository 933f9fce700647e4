// SPDX-License-Identifier: Apache-2.0
// kubectl run, exec, attach, cp, port-forward: into containers that run.
#include "lib/http/client/client.h"
#include "lib/os/files.h"
#include "tests/cluster/kubectl_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class KubectlRunTest : public KubectlTest {
 protected:
  // Of what `kubectl port-forward` says first.
  static std::string Port(const Session& forwarding) {
    const std::string before = "127.0.0.1:";
    const size_t at = forwarding.said().find(before), end = forwarding.said().find(" ->");
    if (at == std::string::npos || end == std::string::npos) return "";
    return forwarding.said().substr(at + before.size(), end - at - before.size());
  }
  std::string Fetch(const std::string& url) {
    const auto answer = http::Client().PerformToString({.url = url}, size_t{1} << 20);
    EXPECT_TRUE(answer.ok()) << url << ": " << answer.error().message();
    return answer.ok() ? answer->second : "";
  }
};

TEST_F(KubectlRunTest, RunMakesAPodWithWhatItIsTold) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  EXPECT_EQ(Out(std::string("kubectl run one --image=") + kBusybox +
                " --labels=app=one,tier=front --env=A=b --port=80 -- httpd -f -p 80 -h /etc"),
            "pod/one created\n");
  EXPECT_EQ(Out("kubectl wait --for=condition=Ready pod/one --timeout=200s"),
            "pod/one condition met\n");
  EXPECT_THAT(Out("kubectl get pods --show-labels"),
              Like("NAME   READY   STATUS    RESTARTS   AGE    *LABELS\n"
                   "one    1/1     Running   0          [0-9ms]+ *app=one,tier=front\n"));
  EXPECT_THAT(Out("kubectl get pod one -o wide"),
              Like("NAME   READY   STATUS    RESTARTS   AGE    *IP +NODE   NOMINATED NODE   "
                   "READINESS GATES\none    1/1     Running   0          [0-9ms]+ "
                   "*10\\.199\\.7\\.[0-9]+ +node   <none>           <none>\n"));
  EXPECT_EQ(Out("kubectl exec one -- sh -c 'echo $A; hostname'"), "b\none\n");
  EXPECT_EQ(Err(std::string("kubectl run one --image=") + kBusybox),
            "Error from server (AlreadyExists): pods \"one\" already exists\n");

  EXPECT_EQ(Out(std::string("kubectl run once --restart=Never --image=") + kBusybox +
                " -- sh -c 'echo it ends; exit 3'"),
            "pod/once created\n");
  EXPECT_EQ(Out("kubectl wait --for=jsonpath='{.status.phase}'=Failed pod/once --timeout=200s"),
            "pod/once condition met\n");
  EXPECT_THAT(Out("kubectl get pod once"), Like("NAME   READY   STATUS   RESTARTS   AGE\n"
                                                "once   0/1     Error    0          [0-9ms]+\n"));
  Becomes("kubectl logs once", testing::Eq("it ends\n"));
  EXPECT_EQ(Err("kubectl exec once -- true"),
            "error: cannot exec into a container in a completed pod; current phase is Failed\n");
  EXPECT_EQ(Err("kubectl exec none -- true"),
            "Error from server (NotFound): pods \"none\" not found\n");
}

TEST_F(KubectlRunTest, RunWithATerminalAttachesAndRemovesThePodAfterwards) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  Session shell =
      OnTerminal(std::string("kubectl run shell --rm -it --restart=Never --image=") + kBusybox +
                     " -- sh -c 'read line; echo got $line; read again; stty size; exit 4'",
                 {.rows = 31, .columns = 97});
  ASSERT_TRUE(Eventually([&] { return Condition(Object({"pod", "shell"}), "Ready") == "True"; }));
  shell.Type("typed\r");
  EXPECT_TRUE(shell.Says("got typed\r\n")) << shell.said();
  shell.Type("\r");
  EXPECT_TRUE(shell.Says("31 97\r\n")) << shell.said();
  EXPECT_EQ(shell.Wait(), 4) << shell.said();
  EXPECT_THAT(shell.said(), HasSubstr("pod \"shell\" deleted from default namespace\r\n"));
  EXPECT_THAT(shell.said(), HasSubstr("pod default/shell terminated (Error)"));
  EXPECT_TRUE(Object({"pod", "shell"}).IsNull());

  // Without a terminal: what is piped in is read to its end.
  EXPECT_EQ(Out(std::string("kubectl run count --rm -i --quiet --restart=Never --image=") +
                    kBusybox + " -- wc -l",
                "a\nb\nc\n"),
            "3\n");
  EXPECT_TRUE(Object({"pod", "count"}).IsNull());
}

TEST_F(KubectlRunTest, ExecHasATerminalOfItsOwnSizeAndTheCommandsExitCode) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  ASSERT_NO_FATAL_FAILURE(RunScript("box", "sleep 100000"));
  EXPECT_EQ(Out("kubectl exec -i box -- cat", "to and fro\n"), "to and fro\n");
  const Told apart = Sh("kubectl exec box -- sh -c 'echo out; echo err >&2; exit 7'");
  EXPECT_EQ(apart.code, 7);
  EXPECT_EQ(apart.out, "out\n");
  EXPECT_EQ(apart.err, "err\ncommand terminated with exit code 7\n");
  EXPECT_EQ(Err("kubectl exec box -c other -- true"),
            "Error from server (BadRequest): container other is not valid for pod box\n");
  EXPECT_THAT(Err("kubectl exec box -- /no/such"),
              AllOf(HasSubstr("error: "), HasSubstr("/no/such")));
  for (const char* ways : {"true", "false"}) {
    SCOPED_TRACE(ways);
    ways_ = ways;
    Session shell = OnTerminal("kubectl exec -it box -- sh", {.rows = 40, .columns = 100});
    ASSERT_TRUE(shell.Says("# ")) << shell.said();
    shell.Type("stty size\r");
    EXPECT_TRUE(shell.Says("\r\n40 100\r\n")) << shell.said();
    shell.Resize({.rows = 50, .columns = 120});
    // The new size is on its way: asked for until it is there.
    shell.Type("while [ \"$(stty size)\" != '50 120' ]; do :; done; echo grown to $(stty size)\r");
    EXPECT_TRUE(shell.Says("\r\ngrown to 50 120\r\n")) << shell.said();
    shell.Type("tty; exit 9\r");
    EXPECT_TRUE(shell.Says("/dev/pts/")) << shell.said();
    EXPECT_EQ(shell.Wait(), 9) << shell.said();
    EXPECT_THAT(shell.said(), HasSubstr("command terminated with exit code 9\r\n"));
    // Ctrl-C reaches the program inside, not kubectl.
    Session sleeping = OnTerminal("kubectl exec -it box -- sh -c 'echo begun; sleep 100000'");
    ASSERT_TRUE(sleeping.Says("begun")) << sleeping.said();
    sleeping.Type("\x03");
    EXPECT_EQ(sleeping.Wait(), 130) << sleeping.said();
  }
}

TEST_F(KubectlRunTest, AttachReadsAndWritesTheContainersOwnStreams) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  EXPECT_EQ(
      Out(std::string("kubectl run talk -it --attach=false --leave-stdin-open --image=") +
          kBusybox + " -- sh -c 'while read line; do echo heard $line on $(stty size); done'"),
      "pod/talk created\n");
  (void)Out("kubectl wait --for=condition=Ready pod/talk --timeout=200s");
  for (const char* ways : {"true", "false"}) {
    SCOPED_TRACE(ways);
    ways_ = ways;
    Session talk = OnTerminal("kubectl attach -it talk", {.rows = 33, .columns = 77});
    // What is written before somebody listens is not heard again: it is said until it is answered.
    ASSERT_TRUE(talk.Says("If you don't see a command prompt, try pressing enter.\r\n"))
        << talk.said();
    talk.Type("hello\r");
    EXPECT_TRUE(talk.Says("heard hello on ")) << talk.said();
    talk.Type("again\r");
    EXPECT_TRUE(talk.Says("heard again on 33 77\r\n")) << talk.said();
  }
  ways_.clear();
  ASSERT_NO_FATAL_FAILURE(
      RunScript("ticks", "while true; do echo tick; echo tock >&2; sleep 1; done"));
  Session both = Start("kubectl attach ticks");
  EXPECT_TRUE(both.Says("tick")) << both.said();
  EXPECT_TRUE(both.Says("tock")) << both.said();
  EXPECT_EQ(Err("kubectl attach ticks -c none"),
            "error: cannot attach to the container: container none not found in pod ticks\n");
}

TEST_F(KubectlRunTest, FilesAreCopiedBothWays) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  ASSERT_NO_FATAL_FAILURE(RunScript("box", "sleep 100000"));
  for (const char* ways : {"true", "false"}) {
    SCOPED_TRACE(ways);
    ways_ = ways;
    (void)Out(
        "rm -rf sent back && mkdir -p sent/inner && seq 1 300000 >sent/numbers && "
        "echo deep >sent/inner/file && ln -s numbers sent/link && chmod 750 sent/numbers");
    EXPECT_EQ(Out("kubectl cp sent box:/tmp/" + std::string(ways)), "");
    EXPECT_EQ(Out("kubectl exec box -- sh -c 'cd /tmp/" + std::string(ways) +
                  "; cat inner/file; stat -c %a numbers; readlink link'"),
              "deep\n750\nnumbers\n");
    const Told back = Sh("kubectl cp box:/tmp/" + std::string(ways) + " back");
    EXPECT_EQ(back.code, 0) << back.err;
    EXPECT_THAT(back.err, HasSubstr("warning: skipping symlink: \"back/link\" -> \"numbers\""));
    EXPECT_EQ(Out("cmp sent/numbers back/numbers && cmp sent/inner/file back/inner/file"), "");
    (void)Out("kubectl cp box:/etc/motd motd");
    EXPECT_THAT(os::ReadFile(Here("motd")).ValueOr(""), HasSubstr("Keelson demo image: busybox"));
  }
  EXPECT_THAT(Err("kubectl cp nothing box:/tmp/x"), HasSubstr("nothing doesn't exist in local"));
}

TEST_F(KubectlRunTest, PortsOfPodsAndServicesAreForwarded) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  EXPECT_EQ(Out(std::string("kubectl run web --labels=app=web --port=8080 --expose --image=") +
                kBusybox + " -- httpd -f -p 8080 -h /etc"),
            "service/web created\npod/web created\n");
  (void)Out("kubectl wait --for=condition=Ready pod/web --timeout=200s");
  for (const char* ways : {"true", "false"}) {
    SCOPED_TRACE(ways);
    ways_ = ways;
    for (const char* what : {"pod/web", "service/web"}) {
      SCOPED_TRACE(what);
      Session forwarding = Start(std::string("kubectl port-forward ") + what + " :8080");
      ASSERT_TRUE(forwarding.Says(" -> 8080\n")) << forwarding.said();
      const std::string port = Port(forwarding);
      EXPECT_THAT(forwarding.said(), HasSubstr("Forwarding from 127.0.0.1:" + port + " -> 8080\n"));
      for (int i = 0; i < 3; ++i) {
        EXPECT_THAT(Fetch("http://127.0.0.1:" + port + "/motd"), HasSubstr("Keelson demo image"));
        EXPECT_TRUE(forwarding.Says("Handling connection for " + port + "\n")) << forwarding.said();
      }
      forwarding.Signal(SIGINT);
    }
  }
  ways_.clear();
  EXPECT_EQ(Err("kubectl port-forward service/web :81"),
            "error: Service web does not have a service port 81\n");
  // A port that nobody listens on.
  Session nobody = Start("kubectl port-forward pod/web :81");
  ASSERT_TRUE(nobody.Says(" -> 81\n")) << nobody.said();
  (void)http::Client().PerformToString({.url = "http://127.0.0.1:" + Port(nobody) + "/"}, 1 << 20);
  EXPECT_TRUE(nobody.Says("an error occurred forwarding")) << nobody.said();
}

}  // namespace
}  // namespace keelson::cluster_test
