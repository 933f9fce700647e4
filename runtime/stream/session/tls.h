// SPDX-License-Identifier: Apache-2.0
// TLS of one connection, server side, over memory: encrypted bytes in and out, plain bytes out and
// in. The context is made once, before the process gives up its rights. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::stream {

class TlsContext {
 public:
  static base::Result<std::shared_ptr<TlsContext>> Create(const std::string& certificate_pem,
                                                          const std::string& key_pem);
  ~TlsContext();

 private:
  friend class Tls;
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Tls {
 public:
  explicit Tls(std::shared_ptr<TlsContext> context);
  ~Tls();

  // Takes what came from the network; the plain bytes of it are appended to `plain`. True: the
  // client has said that no more will come.
  base::Result<bool> Feed(std::string_view encrypted, std::string& plain);
  base::Status Write(std::string_view plain);
  void Close();  // says that no more will come
  std::string TakeOutput();

 private:
  base::Status Handshake();
  struct State;
  std::shared_ptr<TlsContext> context_;
  std::unique_ptr<State> state_;
};

}  // namespace keelson::stream
