// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/objects.h"

#include "cli/cluster/identity.h"

namespace keelson::cluster {
namespace {

using json::Value;

constexpr char kRbac[] = "/apis/rbac.authorization.k8s.io/v1";

Value Subject(const char* kind, const std::string& name) {
  return Value::Object({{"apiGroup", Value("rbac.authorization.k8s.io")},
                        {"kind", Value(kind)},
                        {"name", Value(name)}});
}

Value Object(const char* version, const char* kind, const char* name) {
  return Value::Object({{"apiVersion", Value(version)},
                        {"kind", Value(kind)},
                        {"metadata", Value::Object({{"name", Value(name)}})}});
}

ObjectToMake Binding(const char* name, const char* role, const char* group) {
  Value object = Object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", name);
  object.Set("roleRef", Subject("ClusterRole", role));
  object.Set("subjects", Value::Array({Subject("Group", group)}));
  return {std::string(kRbac) + "/clusterrolebindings", std::move(object)};
}

}  // namespace

std::vector<ObjectToMake> JoinObjects(const std::string& server, const std::string& authority) {
  std::vector<ObjectToMake> out = {
      Binding("keelson:node-bootstrapper", "system:node-bootstrapper", "system:bootstrappers"),
      Binding("keelson:node-autoapprove",
              "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
              "system:bootstrappers"),
      Binding("keelson:node-renewal",
              "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
              "system:nodes"),
      // A node's proxy reads as the node.
      Binding("keelson:node-proxier", "system:node-proxier", "system:nodes")};
  const std::string roles = std::string(kRbac) + "/namespaces/kube-public";
  Value role = Object("rbac.authorization.k8s.io/v1", "Role", "keelson:cluster-info");
  role.Set("rules",
           Value::Array({Value::Object({{"apiGroups", Value::Array({Value("")})},
                                        {"resources", Value::Array({Value("configmaps")})},
                                        {"resourceNames", Value::Array({Value("cluster-info")})},
                                        {"verbs", Value::Array({Value("get")})}})}));
  out.push_back({roles + "/roles", std::move(role)});
  Value binding = Object("rbac.authorization.k8s.io/v1", "RoleBinding", "keelson:cluster-info");
  binding.Set("roleRef", Subject("Role", "keelson:cluster-info"));
  binding.Set("subjects", Value::Array({Subject("User", "system:anonymous"),
                                        Subject("Group", "system:bootstrappers")}));
  out.push_back({roles + "/rolebindings", std::move(binding)});
  Value info = Object("v1", "ConfigMap", "cluster-info");
  info.Set("data",
           Value::Object({{"kubeconfig", Value(FormatKubeconfig(server, authority, "", ""))}}));
  out.push_back({"/api/v1/namespaces/kube-public/configmaps", std::move(info)});
  return out;
}

ObjectToMake TokenObject(const std::string& token, const std::string& expires) {
  const std::string id = token.substr(0, 6);
  Value object = Object("v1", "Secret", ("bootstrap-token-" + id).c_str());
  object.Set("type", Value("bootstrap.kubernetes.io/token"));
  object.Set("stringData",
             Value::Object({{"token-id", Value(id)},
                            {"token-secret", Value(token.substr(7))},
                            {"expiration", Value(expires)},
                            {"description", Value("made by keelson up, for nodes that join")},
                            {"usage-bootstrap-authentication", Value("true")},
                            {"usage-bootstrap-signing", Value("true")}}));
  return {"/api/v1/namespaces/kube-system/secrets", std::move(object)};
}

}  // namespace keelson::cluster
