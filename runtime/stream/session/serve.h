// SPDX-License-Identifier: Apache-2.0
// The life of keelson-stream: reads its configuration, makes what needs rights, gives these up, and
// serves until the daemon is gone. The process has the descriptors of ../protocol.h and one thread.
#pragma once

#include "lib/base/result.h"

namespace keelson::stream {

// `give_up_rights` is called when all that needs them is made, before the first client.
base::Status Serve(base::Status (*give_up_rights)());

}  // namespace keelson::stream
