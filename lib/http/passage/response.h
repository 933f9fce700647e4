// SPDX-License-Identifier: Apache-2.0
// Reads an HTTP/1.1 answer as its bytes come: head, then body without its framing. One thread.
// Source: RFC 9112; Beast's parser does the work.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/http/service/message.h"

namespace keelson::passage {

struct Head {
  int status = 0;
  service::Fields headers;  // as they came
};

class ResponseReader {
 public:
  // `head_only`: the answer to a HEAD request.
  explicit ResponseReader(bool head_only);
  ~ResponseReader();

  // Takes all of `bytes`; what there is of the body is appended to `body`. Of what follows the
  // answer nothing is taken: it stays in rest().
  base::Status Put(std::string_view bytes, std::string& body);
  // The peer sends no more: false, the answer is not whole.
  bool PutEnd();

  bool has_head() const;
  bool whole() const;  // the body too
  Head head() const;   // once has_head()
  const std::string& rest() const { return waiting_; }

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::string waiting_;  // not parsed yet
};

}  // namespace keelson::passage
