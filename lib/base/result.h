// SPDX-License-Identifier: Apache-2.0
// Result<T>: a T or an Error. Status: Result<void>. Nothing of ours throws; third-party exceptions
// end in the lib/ wrapper that owns the dependency. Propagate with the statement macros below;
// there is no expression form on purpose (a GNU statement expression leaks in aggregate
// initialisers and breaks co_return with g++ 12).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>
#include <variant>

#include "lib/base/error.h"

namespace keelson::base {

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    RequireOk();
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    RequireOk();
    return *std::get_if<0>(&state_);
  }
  // By value: `for (auto& x : List().value())` must not walk through a temporary that is gone.
  T value() && {
    RequireOk();
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    if (ok()) Die("error() of a Result that holds a value", "");
    return *std::get_if<1>(&state_);
  }

  // The value, or `fallback` when there is none.
  T ValueOr(T fallback) && {
    return ok() ? std::move(*std::get_if<0>(&state_)) : std::move(fallback);
  }

  Result WithContext(std::string_view context) && {
    if (ok()) return std::move(*this);
    return error().WithContext(context);
  }

 private:
  [[noreturn]] static void Die(const char* what, const std::string& message) {
    std::fprintf(stderr, "keelson: bug: %s %s\n", what, message.c_str());
    std::abort();
  }
  void RequireOk() const {
    if (!ok()) Die("value() of a Result that holds an error:", std::get_if<1>(&state_)->message());
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    if (ok()) std::abort();
    return *error_;
  }
  Result WithContext(std::string_view context) && {
    if (ok()) return {};
    return error_->WithContext(context);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;
inline Status Ok() { return {}; }

#define KEELSON_CONCAT_(a, b) a##b
#define KEELSON_CONCAT(a, b) KEELSON_CONCAT_(a, b)

// RETURN_IF_ERROR(Call());   RETURN_IF_ERROR(Call().WithContext("do x"));
#define RETURN_IF_ERROR(expression)                            \
  do {                                                         \
    auto keelson_status_ = (expression);                       \
    if (!keelson_status_.ok()) return keelson_status_.error(); \
  } while (false)

// ASSIGN_OR_RETURN(auto file, Open(path));
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_(KEELSON_CONCAT(keelson_result_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_(temporary, declaration, expression) \
  auto temporary = (expression);                              \
  if (!temporary.ok()) return temporary.error();              \
  declaration = std::move(temporary).value()

// For bugs only, never for input, kernel or network.
#define KEELSON_CHECK(condition)                                                         \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "keelson: check failed: %s at %s:%d\n", #condition, __FILE__, \
                   __LINE__);                                                            \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

}  // namespace keelson::base
