// SPDX-License-Identifier: Apache-2.0
// The recorded answers of upstream's API server in tests/data/golden (its README tells their form)
// as cases, and the comparison with what a server of ours answers: placeholders such as <uid> match
// any text. Files are read once and live as long as the program; any thread after the first call.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/json/value.h"

namespace keelson::golden {

// "defaults", "errors", "patches", "tables", "bootstrap", "watch", "selectors": the whole file.
const json::Value& File(const std::string& name);

struct Request {
  std::string method;
  std::string path;
  std::string content_type = "application/json";  // empty: the request has none
  std::string accept;
  std::vector<std::pair<std::string, std::string>> headers;
  bool client_certificate = true;
  bool has_body = false;
  std::string body;   // as sent, `<x*N>` unfolded
  json::Value value;  // the body where it was recorded as JSON
};
// From a recorded request; also of those in `setup` and `prelude`.
Request ReadRequest(const json::Value& recorded);
std::vector<Request> ReadRequests(const json::Value& list);

struct Answer {
  int code = 0;
  json::Value body;                   // null: none was recorded
  std::vector<std::string> warnings;  // as in the header: `299 - "…"`
};

struct Case {
  std::string name;
  std::vector<Request> setup;
  Request request;
  Answer answer;
};
std::vector<Request> Prelude(const std::string& file);
// Of "defaults" and "errors".
std::vector<Case> Cases(const std::string& file);

// One change of one body of errors.json, with the answer to it.
struct Mutation {
  std::string name;  // "deploy-ru update replace /spec/replicas"
  std::string base;
  bool update = false;  // PUT after a POST of the base, else POST; both with dryRun=All
  std::string path;     // of the POST
  json::Value base_body;
  json::Value body;  // with the operation applied
  int code = 0;      // 0: upstream's handler panicked
  json::Value status;
  std::vector<std::string> warnings;
};
std::vector<Mutation> Mutations();

// Applies one operation of a JSON patch as the recording did. False: it does not fit.
bool ApplyOperation(json::Value& target, const json::Value& operation);

// Does `actual` match a recorded text with placeholders?
bool Matches(std::string_view recorded, std::string_view actual);
// Where `actual` differs from what was recorded, one line for each place; empty: equal. Members may
// be in any order.
std::vector<std::string> Differences(const json::Value& recorded, const json::Value& actual);

}  // namespace keelson::golden
