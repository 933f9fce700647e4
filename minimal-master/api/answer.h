// SPDX-License-Identifier: Apache-2.0
// How answers look: which form of an object the client takes (JSON, YAML, a table, metadata alone),
// Status for refusals, warnings as headers. Pure but for the writing itself; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/http/service/exchange.h"
#include "minimal-master/status/failure.h"

namespace keelson::api {

struct Form {
  enum class As { kObject, kTable, kPartial, kPartialList };
  bool yaml = false;
  As as = As::kObject;
  std::string as_version = "v1";  // of meta.k8s.io
};

// The first form in `accept` that can be given; a refusal names what there is. `streaming`: of a
// watch, which has no YAML.
status::Or<Form> FormOf(const service::Fields& headers, bool streaming);

struct Answer {
  int code = 200;
  std::string content_type = "application/json";
  std::vector<service::Buffer> body;
  service::Fields headers;
};

// JSON text in the form's encoding.
Answer Encoded(int code, const Form& form, std::string json);
Answer Refusal(const status::Failure& failure);
// A Status that says so and no more.
Answer Done(int code);
Answer PlainText(int code, std::string text);
// The header by which clients show a sentence to people.
service::Field Warning(std::string_view text);

void Send(service::Exchange& exchange, Answer answer);

}  // namespace keelson::api
