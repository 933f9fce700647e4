// SPDX-License-Identifier: Apache-2.0
#include "kubelet/credentials/exchange.h"

#include "kubelet/config/duration.h"
#include "lib/json/value.h"

namespace keelson::credentials {

using json::Value;

std::string EncodeRequest(const std::string& api_version, const std::string& image) {
  return json::WriteJson(Value::Object({{"kind", Value("CredentialProviderRequest")},
                                        {"apiVersion", Value(api_version)},
                                        {"image", Value(image)}})) +
         "\n";
}

base::Result<Response> DecodeResponse(std::string_view text, const std::string& api_version) {
  static const std::map<std::string, Response::For> kKeys = {{"Image", Response::For::kImage},
                                                             {"Registry", Response::For::kRegistry},
                                                             {"Global", Response::For::kGlobal}};
  const base::Result<Value> document = json::ParseJson(text);
  if (!document.ok() || !document->IsObject())
    return base::InvalidArgument("the answer is no JSON object");
  if (document->At({"kind"}).AsString() != "CredentialProviderResponse")
    return base::InvalidArgument("the answer is no CredentialProviderResponse");
  if (document->At({"apiVersion"}).AsString() != api_version)
    return base::InvalidArgument("the answer is not of apiVersion {}", api_version);
  Response response;
  bool keyed = false;
  for (const auto& [field, value] : document->members()) {
    if (field == "kind" || field == "apiVersion") continue;
    if (field == "cacheKeyType") {
      const auto key = kKeys.find(value.AsString());
      if (key == kKeys.end())
        return base::InvalidArgument("the answer's cacheKeyType is not Image, Registry or Global");
      response.good_for = key->second;
      keyed = true;
    } else if (field == "cacheDuration") {
      if (value.IsNull()) continue;
      const auto duration = config::ParseExactDuration(value.AsString());
      if (!value.IsString() || !duration.ok())
        return base::InvalidArgument("the answer's cacheDuration is no duration");
      response.good_for_long = *duration;
    } else if (field == "auth") {
      if (!value.IsNull() && !value.IsObject())
        return base::InvalidArgument("the answer's auth is no object");
      for (const auto& [place, entry] : value.members()) {
        cri::AuthConfig auth;
        for (const auto& [name, word] : entry.members()) {
          if (!word.IsString() || (name != "username" && name != "password"))
            return base::InvalidArgument("the answer's auth has what is no username or password");
          name == "username" ? auth.set_username(word.AsString())
                             : auth.set_password(word.AsString());
        }
        image_gc::Credential credential;
        credential.auth = std::move(auth);
        response.entries[place] = std::move(credential);
      }
    } else {
      return base::InvalidArgument("the answer has an unknown field");
    }
  }
  if (!keyed) return base::InvalidArgument("the answer has no cacheKeyType");
  return response;
}

}  // namespace keelson::credentials
