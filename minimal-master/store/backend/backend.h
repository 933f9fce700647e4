// SPDX-License-Identifier: Apache-2.0
// Which store the control plane has, from what its command line says: a file of this machine or an
// etcd cluster. Also backup and restore of either, which the programs ask for by the same words.
// Blocking, any thread.
#pragma once

#include <memory>
#include <string>

#include "lib/base/clock.h"
#include "minimal-master/store/store.h"

namespace keelson::store {

struct BackendOptions {
  // "sqlite": in `state_dir`/store; "sqlite:/path" or "/path": in that folder;
  // "etcd://host:2379,host:2379" or "https://host:2379,…": an etcd cluster.
  std::string store = "sqlite";
  std::string state_dir;
  // Of etcd: its authority, our certificate and key (PEM files). An authority asks for TLS also
  // where no scheme does.
  std::string ca_file, certificate_file, key_file;
};

// Nothing is opened: InvalidArgument with a sentence when the words say no store.
base::Status CheckBackend(const BackendOptions& options);
// `prefix`: what of a shared etcd is ours.
base::Result<std::unique_ptr<Store>> OpenBackend(const BackendOptions& options,
                                                 const std::string& prefix,
                                                 const base::Clock& clock);

// A whole copy at one revision into `path`, which must not exist; the control plane may run.
// A sentence that says what is in it.
base::Result<std::string> BackUp(const BackendOptions& options, const std::string& path,
                                 const base::Clock& clock);
// Puts a backup in the store's place; FailedPrecondition while a control plane runs on it, DataLoss
// when the backup is damaged: nothing has changed then.
base::Result<std::string> Restore(const BackendOptions& options, const std::string& path);

}  // namespace keelson::store
