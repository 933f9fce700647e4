// SPDX-License-Identifier: Apache-2.0
// What handlers see of a request, and the bytes of an answer. Buffer shares immutable bytes: one
// event's bytes go to a hundred watchers without a copy. Plain data; Buffer may be copied from any
// thread. Source: RFC 9110, RFC 3986.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keelson::service {

class Buffer {
 public:
  Buffer() = default;
  Buffer(std::string bytes)  // NOLINT(google-explicit-constructor)
      : Buffer(std::make_shared<const std::string>(std::move(bytes))) {}
  Buffer(std::shared_ptr<const std::string> bytes)  // NOLINT(google-explicit-constructor)
      : view_(bytes ? std::string_view(*bytes) : std::string_view()), owner_(std::move(bytes)) {}
  // `view` lives as long as `owner`; bytes that live as long as the program need none.
  Buffer(std::shared_ptr<const void> owner, std::string_view view)
      : view_(view), owner_(std::move(owner)) {}
  static Buffer Static(std::string_view view) { return Buffer(nullptr, view); }

  std::string_view view() const { return view_; }
  size_t size() const { return view_.size(); }
  void RemovePrefix(size_t bytes) { view_.remove_prefix(bytes); }
  Buffer Prefix(size_t bytes) const { return Buffer(owner_, view_.substr(0, bytes)); }

 private:
  std::string_view view_;
  std::shared_ptr<const void> owner_;
};

using Field = std::pair<std::string, std::string>;
using Fields = std::vector<Field>;  // in the order in which they came

// The first value of that name; names of headers are compared without case.
const std::string* FindHeader(const Fields& headers, std::string_view name);
const std::string* FindField(const Fields& fields, std::string_view name);

// What a client showed in the TLS handshake.
struct PeerCertificates {
  std::vector<std::string> der;  // its own first, as it sent them
  bool verified = false;         // a chain to one of our client CAs, for client use, in time
  std::string problem;           // why not
  // Of its own, read once a connection.
  std::string common_name;
  std::vector<std::string> organizations;
  std::string sha256;  // of the whole, lower-case hexadecimal
};

struct Request {
  std::string method;  // "GET"
  std::string target;  // as sent, "/api/v1/pods?limit=5"
  std::string path;    // percent-decoded, without the query
  Fields query;        // decoded, in order, several of a name too
  Fields headers;      // names in lower case; "host" is there with HTTP/2 too
  std::string body;
  std::shared_ptr<const PeerCertificates> peer;  // null: it showed none
  std::string remote;                            // "192.0.2.7:40312", "[::1]:4", "unix"
  bool tls = false;
  int version = 1;  // HTTP's major one

  // The path as sent, for segments that hold an encoded slash.
  std::string_view raw_path() const { return std::string_view(target).substr(0, target.find('?')); }
  std::string_view raw_query() const {
    const size_t at = target.find('?');
    return at == std::string::npos ? std::string_view() : std::string_view(target).substr(at + 1);
  }
};

// Fills path and query from target; false: not a path, or a broken percent-escape in the path.
// Query pairs that are broken are left out, as Go's do.
bool ParseTarget(Request& request);

std::string_view ReasonPhrase(int status);
bool AcceptsGzip(const Fields& headers);

}  // namespace keelson::service
