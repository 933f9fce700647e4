// SPDX-License-Identifier: Apache-2.0
// Error: what went wrong, as a value. Made at the bottom from the failing call itself, given
// context on the way up
// ("pull image 'x': fetch layer sha256:ab…: GET https://…: 503"). Lower case, no final full stop.
// Codes are the sixteen of gRPC, chosen for the caller's next step. Immutable value type, any
// thread.
#pragma once

#include <fmt/core.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace keelson::base {

enum class Code {
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

std::string_view CodeName(Code code);

// Where sixteen codes don't say enough, a subclass of ErrorDetail travels along (e.g. the API's
// Invalid with causes).
struct ErrorDetail {
  virtual ~ErrorDetail() = default;
};

class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message, int os_errno = 0)
      : code_(code), os_errno_(os_errno), message_(std::move(message)) {}

  // The code follows from the errno (ENOENT → NotFound, EAGAIN → Unavailable, …); the message
  // becomes "<what>: <strerror>".
  static Error FromErrno(int os_errno, std::string what);

  template <typename... Args>
  static Error FromErrno(int os_errno, fmt::format_string<Args...> format, Args&&... args)
    requires(sizeof...(Args) > 0)
  {
    return FromErrno(os_errno, fmt::format(format, std::forward<Args>(args)...));
  }

  Code code() const { return code_; }
  int os_errno() const { return os_errno_; }
  const std::string& message() const { return message_; }
  const std::shared_ptr<const ErrorDetail>& detail() const { return detail_; }

  // "<context>: <message>", everything else kept.
  Error WithContext(std::string_view context) const;
  Error WithDetail(std::shared_ptr<const ErrorDetail> detail) const;
  Error WithCode(Code code) const;

 private:
  Code code_;
  int os_errno_;
  std::string message_;
  std::shared_ptr<const ErrorDetail> detail_;
};

#define KEELSON_DECLARE_ERROR_MAKER(Name)                                          \
  template <typename... Args>                                                      \
  Error Name(fmt::format_string<Args...> format, Args&&... args) {                 \
    return Error(Code::k##Name, fmt::format(format, std::forward<Args>(args)...)); \
  }
// base::InvalidArgument("field '{}': …", name) and so on, one maker for each code.
KEELSON_DECLARE_ERROR_MAKER(Cancelled)
KEELSON_DECLARE_ERROR_MAKER(Unknown)
KEELSON_DECLARE_ERROR_MAKER(InvalidArgument)
KEELSON_DECLARE_ERROR_MAKER(DeadlineExceeded)
KEELSON_DECLARE_ERROR_MAKER(NotFound)
KEELSON_DECLARE_ERROR_MAKER(AlreadyExists)
KEELSON_DECLARE_ERROR_MAKER(PermissionDenied)
KEELSON_DECLARE_ERROR_MAKER(ResourceExhausted)
KEELSON_DECLARE_ERROR_MAKER(FailedPrecondition)
KEELSON_DECLARE_ERROR_MAKER(Aborted)
KEELSON_DECLARE_ERROR_MAKER(OutOfRange)
KEELSON_DECLARE_ERROR_MAKER(Unimplemented)
KEELSON_DECLARE_ERROR_MAKER(Internal)
KEELSON_DECLARE_ERROR_MAKER(Unavailable)
KEELSON_DECLARE_ERROR_MAKER(DataLoss)
KEELSON_DECLARE_ERROR_MAKER(Unauthenticated)
#undef KEELSON_DECLARE_ERROR_MAKER

}  // namespace keelson::base
