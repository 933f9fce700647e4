// SPDX-License-Identifier: Apache-2.0
#include "lib/json/value.h"
#include "lib/kube/validate.h"
#include "lib/kube/validate_parts.h"

namespace keelson::kube {
namespace {

constexpr size_t kMostBytes = 1 << 20;

size_t ValidateKeys(const Field& data, Problems& problems) {
  size_t bytes = 0;
  for (const Field& entry : data.Entries()) {
    problems.InvalidText(entry, entry.key(), CheckConfigKey(entry.key()));
    bytes += entry.String().size();
  }
  return bytes;
}

void ValidateConfigMap(const Field& map, Problems& problems) {
  for (const Field& entry : map["data"].Entries()) {
    if (map["binaryData"].value().Find(entry.key()) != nullptr)
      problems.InvalidText(entry, entry.key(), "duplicate of key present in binaryData");
  }
  const size_t text = ValidateKeys(map["data"], problems);
  const size_t binary = ValidateKeys(map["binaryData"], problems) / 4 * 3;  // base64
  if (text + binary > kMostBytes) problems.TooLong(map["data"], kMostBytes);
}

void ValidateSecret(const Field& secret, Problems& problems) {
  const Field data = secret["data"];
  const Field text = secret["stringData"];
  size_t bytes = ValidateKeys(data, problems) / 4 * 3;
  for (const Field& entry : text.Entries()) {
    problems.InvalidText(entry.WithPath("data[" + entry.key() + "]"), entry.key(),
                         CheckConfigKey(entry.key()));
    bytes += entry.String().size();
  }
  if (bytes > kMostBytes) problems.TooLong(data, kMostBytes);

  const auto has = [&](const char* key) {
    return data.value().Find(key) != nullptr || text.value().Find(key) != nullptr;
  };
  const auto require = [&](const char* key) {
    if (!has(key)) problems.Required(data.Entry(key));
  };
  const std::string& type = secret["type"].String();
  if (type == "kubernetes.io/service-account-token") {
    const char* kAccount = "kubernetes.io/service-account.name";
    const Field annotations = secret["metadata"]["annotations"];
    if (annotations[kAccount].String().empty()) problems.Required(annotations.Entry(kAccount));
  } else if (type == "kubernetes.io/dockercfg" || type == "kubernetes.io/dockerconfigjson") {
    const char* key = type == "kubernetes.io/dockercfg" ? ".dockercfg" : ".dockerconfigjson";
    require(key);
    if (text[key].Present()) {
      const auto parsed = json::ParseJson(text[key].String());
      if (!parsed.ok())
        problems.InvalidText(text[key].WithPath(data.Entry(key).path()),
                             "<secret contents redacted>", "must be JSON");
    }
  } else if (type == "kubernetes.io/basic-auth") {
    if (!has("username") && !has("password")) {
      require("username");
      require("password");
    }
  } else if (type == "kubernetes.io/ssh-auth") {
    require("ssh-privatekey");
  } else if (type == "kubernetes.io/tls") {
    require("tls.crt");
    require("tls.key");
  }
}

}  // namespace

void ValidateConfigObject(const Field& object, Problems& problems) {
  ValidateMeta(object["metadata"], problems);
  ValidateConfigData(object, problems);
}

void ValidateConfigData(const Field& object, Problems& problems) {
  if (object["kind"].String() == "Secret") {
    ValidateSecret(object, problems);
  } else {
    ValidateConfigMap(object, problems);
  }
}

}  // namespace keelson::kube
