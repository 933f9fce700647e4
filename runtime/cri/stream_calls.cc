// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/runtime_server.h"

namespace keelson::cri_server {

Reactor* RuntimeServer::Exec(Context* context, const cri::ExecRequest*, cri::ExecResponse*) {
  return Unimplemented(context, "Exec");
}

Reactor* RuntimeServer::Attach(Context* context, const cri::AttachRequest*, cri::AttachResponse*) {
  return Unimplemented(context, "Attach");
}

Reactor* RuntimeServer::PortForward(Context* context, const cri::PortForwardRequest*,
                                    cri::PortForwardResponse*) {
  return Unimplemented(context, "PortForward");
}

}  // namespace keelson::cri_server
