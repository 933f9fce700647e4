// SPDX-License-Identifier: Apache-2.0
// A cluster of one node (UpFixture) whose pods note whom they served (keelson-traffic-server), and
// its API. What is asked of it here may be asked while its processes are killed.
#pragma once

#include <memory>

#include "lib/json/value.h"
#include "lib/os/unique_fd.h"
#include "tests/cluster/traffic_clients.h"
#include "tests/cluster/up_fixture.h"
#include "tests/load/connection.h"

namespace keelson::cluster_test {

class TrafficFixture : public UpFixture {
 protected:
  // `work` on a machine with a cluster that is ready for pods; afterwards it is taken down, and
  // nothing may be left.
  void OnCluster(const std::function<void()>& work);

  // One request; an error: nobody answered, or the answer was cut off.
  base::Result<load::Answer> TryAsk(const std::string& method, const std::string& path,
                                    const std::string& body = "",
                                    const std::string& type = "application/json");
  // Until it is answered with success, or two minutes; null then.
  json::Value Ask(const std::string& method, const std::string& path, const std::string& body = "",
                  const std::string& type = "application/json");
  json::Value Patch(const std::string& path, const std::string& body) {
    return Ask("PATCH", path, body, "application/merge-patch+json");
  }

  enum class Ends { kAfterSleep, kByDraining };
  // A Deployment and its Service on port 80. Pods serve for `seconds` more after they were told to
  // end: by a preStop hook that sleeps, or by their server's own doing.
  void MakeApp(const std::string& name, int replicas, Ends how, int seconds);
  void SetVersion(const std::string& name, const std::string& version);
  void Scale(const std::string& name, int replicas);
  // All its pods are of the last version and ready, and no others serve.
  bool IsRolledOut(const std::string& name);
  // What the API says of it, for messages.
  std::string Describe(const std::string& name);
  std::string ClusterIp(const std::string& name);
  std::vector<json::Value> PodsOf(const std::string& name);  // those that are not ending
  // The network namespace of a pod that does nothing.
  os::UniqueFd ClientPod();
  // The parent of its process, 0 where that is not known.
  pid_t ClientsMonitor() const;

  static std::string Deployment(const std::string& name) {
    return "/apis/apps/v1/namespaces/default/deployments/" + name;
  }
  static constexpr char kPods[] = "/api/v1/namespaces/default/pods";
  std::string notes() const { return dir_.path() + "/notes"; }

 private:
  std::shared_ptr<const load::Client> client_;
  pid_t client_process_ = 0;
};

}  // namespace keelson::cluster_test
