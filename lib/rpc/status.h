// SPDX-License-Identifier: Apache-2.0
// base::Error and grpc::Status: the same sixteen codes, the message as it is. Pure, any thread.
#pragma once

#include <grpcpp/support/status.h>

#include "lib/base/result.h"

namespace keelson::rpc {

grpc::Status ToGrpc(const base::Error& error);
inline grpc::Status ToGrpc(const base::Status& status) {
  return status.ok() ? grpc::Status::OK : ToGrpc(status.error());
}
base::Error FromGrpc(const grpc::Status& status);  // of a status that is not OK

}  // namespace keelson::rpc
