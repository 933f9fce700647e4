// SPDX-License-Identifier: Apache-2.0
// master-test-kubelet KUBECONFIG NODE: a kubelet's API without containers, on a port that it
// prints. The server, and who may ask it, are the kubelet's own; what it shows is views.h's. Ends
// with its standard input.
#include <cstdio>
#include <ctime>
#include <iostream>
#include <string>
#include <thread>

#include "kubelet/identity/self_signed.h"
#include "kubelet/node_api/api_reviews.h"
#include "kubelet/node_api/server.h"
#include "lib/base/testing/places.h"
#include "lib/os/event_loop.h"
#include "tests/master/node/views.h"

namespace keelson::master_test {
namespace {

// Runs until it is let go.
class LoopThread {
 public:
  explicit LoopThread(os::EventLoop& loop) : loop_(loop), thread_([&loop] { loop.Run(); }) {}
  ~LoopThread() {
    loop_.Stop();
    thread_.join();
  }

 private:
  os::EventLoop& loop_;
  std::thread thread_;
};

base::Status Run(const std::string& kubeconfig, const std::string& node) {
  ASSIGN_OR_RETURN(kube::ClientConfig config, kube::ReadKubeconfig(kubeconfig));
  const std::string authorities = config.target.authorities;
  const base::SystemClock clock;
  ASSIGN_OR_RETURN(const std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
  kube::Api api(*loop, clock, std::move(config), "master-test-kubelet");
  const LoopThread thread(*loop);
  node_api::ApiReviews asked(api);
  node_api::CachedReviews reviews(asked, clock);

  ProcessStreams streams;
  RETURN_IF_ERROR(streams.Start(base::BinDir() + "/" KEELSON_STREAM_PROGRAM));
  const LogsOnly logs;
  MachineOnly figures(node, clock);
  ASSIGN_OR_RETURN(identity::KeyPair own,
                   identity::MakeSelfSigned({node, "127.0.0.1"}, std::time(nullptr)));
  node_api::Server::Options options;
  options.node = node;
  options.tls = {own.certificate, own.key, authorities};
  ASSIGN_OR_RETURN(
      const auto server,
      node_api::Server::Listen("127.0.0.1:0", std::move(options),
                               {logs, streams, figures, nullptr, nullptr}, reviews, clock));
  std::printf("port=%d\n", server->port());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) continue;
  return base::Ok();
}

}  // namespace
}  // namespace keelson::master_test

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto done = keelson::master_test::Run(argv[1], argv[2]);
  if (done.ok()) return 0;
  std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return 1;
}
