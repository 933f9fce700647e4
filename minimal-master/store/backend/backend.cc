// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/backend/backend.h"

#include "minimal-master/store/etcd/etcd_store.h"
#include "minimal-master/store/sqlite/maintenance.h"
#include "minimal-master/store/sqlite/sqlite_store.h"

namespace keelson::store {
namespace {

struct Choice {
  std::string dir;   // of the file; empty: etcd
  EtcdOptions etcd;  // with endpoints
};

bool NamesEtcd(std::string_view store) {
  for (const std::string_view scheme : {"etcd://", "http://", "https://", "unix://"}) {
    if (store.starts_with(scheme)) return true;
  }
  return false;
}

base::Result<Choice> Choose(const BackendOptions& options) {
  constexpr std::string_view kFile = "sqlite:";
  Choice choice;
  const std::string& store = options.store;
  if (NamesEtcd(store)) {
    ASSIGN_OR_RETURN(choice.etcd.endpoints, ParseEndpoints(store));
    if (options.certificate_file.empty() != options.key_file.empty()) {
      return base::InvalidArgument("--store-cert and --store-key go together");
    }
    choice.etcd.ca_file = options.ca_file;
    choice.etcd.certificate_file = options.certificate_file;
    choice.etcd.key_file = options.key_file;
    return choice;
  }
  if (!options.ca_file.empty() || !options.certificate_file.empty() || !options.key_file.empty()) {
    return base::InvalidArgument("--store-ca, --store-cert and --store-key are for an etcd");
  }
  if (store == "sqlite" || store.empty()) {
    choice.dir = options.state_dir + "/store";
  } else if (store.starts_with(kFile) && store.size() > kFile.size()) {
    choice.dir = store.substr(kFile.size());
  } else if (store.starts_with('/')) {
    choice.dir = store;
  } else {
    return base::InvalidArgument(
        "--store {}: it is none of sqlite, /a/folder and etcd://host:2379,host:2379", store);
  }
  return choice;
}

std::string Describe(const BackupInfo& info) {
  return fmt::format("{} keys at revision {}", info.keys, info.revision);
}

}  // namespace

base::Status CheckBackend(const BackendOptions& options) {
  const base::Result<Choice> choice = Choose(options);
  return choice.ok() ? base::Ok() : base::Status(choice.error());
}

base::Result<std::unique_ptr<Store>> OpenBackend(const BackendOptions& options,
                                                 const std::string& prefix,
                                                 const base::Clock& clock) {
  ASSIGN_OR_RETURN(const Choice choice, Choose(options));
  if (choice.dir.empty()) {
    ASSIGN_OR_RETURN(std::unique_ptr<EtcdStore> store, EtcdStore::Open(choice.etcd, prefix));
    return std::unique_ptr<Store>(std::move(store));
  }
  SqliteStore::Options sqlite;
  sqlite.dir = choice.dir;
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteStore> store, SqliteStore::Open(sqlite, clock));
  return std::unique_ptr<Store>(std::move(store));
}

base::Result<std::string> BackUp(const BackendOptions& options, const std::string& path,
                                 const base::Clock& clock) {
  ASSIGN_OR_RETURN(const Choice choice, Choose(options));
  const std::string context = fmt::format("back up to '{}'", path);
  if (choice.dir.empty()) {
    ASSIGN_OR_RETURN(const std::unique_ptr<EtcdStore> store,
                     EtcdStore::Open(choice.etcd, "", std::chrono::milliseconds(0)));
    RETURN_IF_ERROR(store->Backup(path).WithContext(context));
    return std::string("a snapshot of the etcd cluster, for etcdctl snapshot restore");
  }
  RETURN_IF_ERROR(BackupStore(choice.dir, path, clock).WithContext(context));
  ASSIGN_OR_RETURN(const BackupInfo info, VerifyBackup(path));
  return Describe(info);
}

base::Result<std::string> Restore(const BackendOptions& options, const std::string& path) {
  ASSIGN_OR_RETURN(const Choice choice, Choose(options));
  if (choice.dir.empty()) {
    return base::FailedPrecondition(
        "an etcd cluster is restored with etcdctl snapshot restore, on each of its members");
  }
  ASSIGN_OR_RETURN(const BackupInfo info, RestoreStore(path, choice.dir));
  return Describe(info);
}

}  // namespace keelson::store
