// SPDX-License-Identifier: Apache-2.0
#include "lib/os/pipe.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <cerrno>

#include "lib/os/files.h"

namespace keelson::os {

using base::Error;

base::Result<Pipe> CreatePipe(int extra_flags) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC | extra_flags) != 0) return Error::FromErrno(errno, "pipe2");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

namespace {

base::Result<UniqueFd> Sealed(UniqueFd fd) {
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return Error::FromErrno(errno, "seal memfd");
  }
  if (lseek(fd.get(), 0, SEEK_SET) != 0) return Error::FromErrno(errno, "rewind memfd");
  return fd;
}

}  // namespace

base::Result<UniqueFd> CreateSealedMemfd(const char* name, std::string_view content) {
  UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return Error::FromErrno(errno, "memfd_create");
  RETURN_IF_ERROR(WriteAll(fd.get(), content));
  return Sealed(std::move(fd));
}

base::Result<UniqueFd> CreateSealedCopy(const char* name, int from, size_t size) {
  UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return Error::FromErrno(errno, "memfd_create");
  off_t at = 0;
  while (static_cast<size_t>(at) < size) {
    const ssize_t n = sendfile(fd.get(), from, &at, size - static_cast<size_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::FromErrno(errno, "copy into a memfd");
    if (n == 0) return base::DataLoss("the file ends before {} bytes", size);
  }
  return Sealed(std::move(fd));
}

base::Status SetNonBlocking(int fd, bool on) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) != 0) {
    return Error::FromErrno(errno, "fcntl O_NONBLOCK");
  }
  return base::Ok();
}

}  // namespace keelson::os
