// SPDX-License-Identifier: Apache-2.0
// keelson-unpack MAX_BYTES MAX_INODES MAX_DEPTH: reads a layer's stream from descriptor 0, fills
// the directory at descriptor 4 and writes its report to descriptor 3. Started by the runtime;
// jailed before the first byte is read.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "lib/os/files.h"
#include "lib/os/scheduling.h"
#include "runtime/content/digest.h"
#include "runtime/unpack/jail.h"
#include "runtime/unpack/pipeline.h"

namespace keelson::unpack {
namespace {

constexpr int kInput = 0, kReport = 3, kDirectory = 4;

base::Result<Report> Run(int argc, char** argv) {
  if (argc != 4) return base::InvalidArgument("keelson-unpack is started by keelson-runtime");
  const auto max_bytes = base::ParseUint64(argv[1]), max_inodes = base::ParseUint64(argv[2]),
             max_depth = base::ParseUint64(argv[3]);
  if (!max_bytes || !max_inodes || !max_depth) return base::InvalidArgument("malformed budget");
  (void)content::DigestOf("");  // libcrypto loads what it needs now, while there are files
  // Ten seconds and one for each 8 MiB: an ordinary layer takes a fiftieth of it.
  const JailLimits limits{.max_file_bytes = *max_bytes,
                          .cpu_seconds = 10 + *max_bytes / (8u << 20)};
  RETURN_IF_ERROR(EnterJail(kDirectory, limits));
  // The descriptor from before is of the host's mount: only what the jail's root shows is used.
  close(kDirectory);
  ASSIGN_OR_RETURN(os::UniqueFd root,
                   os::Open(KEELSON_WEAKENED_AT("unpack-jail") ? "." : "/", O_PATH | O_DIRECTORY));
  const Budget budget{*max_bytes, *max_inodes, static_cast<uint32_t>(*max_depth)};
  return UnpackStream(kInput, os::RootedDir(std::move(root)), budget);
}

}  // namespace
}  // namespace keelson::unpack

int main(int argc, char** argv) {
  keelson::os::UseOrdinarySlices();
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  const auto report = keelson::unpack::Run(argc, argv);
  (void)keelson::os::WriteAll(keelson::unpack::kReport, keelson::unpack::EncodeReport(report));
  _exit(report.ok() ? 0 : 1);
}
