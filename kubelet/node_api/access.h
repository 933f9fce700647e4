// SPDX-License-Identifier: Apache-2.0
// Who asks something of a node, and what of it that is to an API server: the mapping of paths and
// methods to verbs and subresources of nodes. Pure, any thread. Source: kubernetes.io, "Kubelet
// authentication/authorization" and KEP-2862 (fine-grained, 1.35).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/http/service/message.h"

namespace keelson::node_api {

struct User {
  std::string name;
  std::string uid;
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;
};

// What must be allowed: `verb` of one of the subresources of this node, tried in order.
struct Need {
  std::string verb;  // "get"; empty for methods that have none
  std::vector<std::string> subresources;
};
// A session in a container changes things whatever its method is, so that its verb is always
// "create": who may only read of a node runs no commands on it.
Need NeedOf(std::string_view method, std::string_view path);

// Whom the certificate names, with system:authenticated; false: it was not verified or names
// nobody.
bool UserOf(const service::PeerCertificates& peer, User& user);
// "Authorization: Bearer x"; empty: there is none.
std::string_view BearerToken(const service::Fields& headers);

}  // namespace keelson::node_api
