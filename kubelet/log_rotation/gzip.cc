// SPDX-License-Identifier: Apache-2.0
#include "kubelet/log_rotation/gzip.h"

#include <isa-l/igzip_lib.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <vector>

#include "lib/os/files.h"

namespace keelson::log_rotation {
namespace {

constexpr size_t kPiece = 128u << 10;

base::Result<size_t> ReadSome(int fd, std::vector<uint8_t>& buffer) {
  while (true) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) return base::Error::FromErrno(errno, "read");
  }
}

}  // namespace

base::Status Gzip(int from_fd, int to_fd) {
  const auto stream = std::make_unique<isal_zstream>();
  std::vector<uint8_t> work(ISAL_DEF_LVL1_DEFAULT), in(kPiece), out(kPiece);
  isal_deflate_init(stream.get());
  stream->gzip_flag = IGZIP_GZIP;
  stream->level = 1;
  stream->level_buf = work.data();
  stream->level_buf_size = static_cast<uint32_t>(work.size());
  while (stream->internal_state.state != ZSTATE_END) {
    if (stream->avail_in == 0 && stream->end_of_stream == 0) {
      ASSIGN_OR_RETURN(const size_t got, ReadSome(from_fd, in));
      stream->next_in = in.data();
      stream->avail_in = static_cast<uint32_t>(got);
      stream->end_of_stream = got == 0 ? 1 : 0;
    }
    stream->next_out = out.data();
    stream->avail_out = static_cast<uint32_t>(out.size());
    if (const int code = isal_deflate(stream.get()); code != COMP_OK)
      return base::Internal("gzip: code {}", code);
    const std::string_view made(reinterpret_cast<const char*>(out.data()),
                                out.size() - stream->avail_out);
    if (!made.empty()) RETURN_IF_ERROR(os::WriteAll(to_fd, made));
  }
  return base::Ok();
}

}  // namespace keelson::log_rotation
