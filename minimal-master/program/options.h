// SPDX-License-Identifier: Apache-2.0
// What keelson-master's command line says, and the settings of parts that follow from it. Values.
#pragma once

#include <string>
#include <variant>

#include "lib/base/result.h"
#include "minimal-master/allocation/service.h"
#include "minimal-master/audit/log.h"
#include "minimal-master/controllers/settings.h"
#include "minimal-master/front/front.h"
#include "minimal-master/pki/cluster_pki.h"
#include "minimal-master/store/backend/backend.h"

namespace keelson::program {

enum class Task { kServe, kBackUp, kRestore };

struct Options {
  Task task = Task::kServe;
  std::string state_dir = "/var/lib/keelson/master";
  std::string kubeconfig = "/etc/keelson/admin.kubeconfig";
  std::string address = "127.0.0.1";
  int port = 6443;
  std::string service_cidr = "10.43.0.0/16";
  std::string advertise_address;
  int metric_seconds = 15;
  int node_grace_seconds = 50;
  controllers::Settings controllers;
  bool schedules = true;
  std::string kubelet_authority_file;  // empty: the cluster's own, and kubelets' own certificates
  store::BackendOptions store;
  std::string backup;  // a file, of the tasks that are no serving
  audit::Log::Options audit;
  front::Front::Options front;
  // Where the cluster's page is served without a log-in, on loopback; empty: nowhere.
  std::string page_address = "127.0.0.1:6480";
  bool page_address_said = false;  // then it must be had
  std::string page_users;          // who may look there besides our own

  // "192.0.2.1:6443"
  std::string Endpoint() const;
  // Where others reach the server: nowhere when it serves on an address of this machine alone.
  std::string OwnAddress() const;
  base::Result<allocation::Ranges> ServiceRanges() const;
  // `cluster_ip`: the first address of services, empty without any.
  pki::PkiOptions Pki(const std::string& cluster_ip) const;
};

// An exit code: the words ended it (--help, or what is not understood); it is printed already.
std::variant<Options, int> ReadOptions(int argc, const char* const* argv);

}  // namespace keelson::program
