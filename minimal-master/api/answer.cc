// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/answer.h"

#include <fmt/format.h>

#include "lib/base/strings.h"
#include "lib/json/value.h"

namespace keelson::api {
namespace {

struct MediaType {
  std::string_view type;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;
  std::string_view Get(std::string_view name) const {
    for (const auto& [key, value] : parameters) {
      if (key == name) return value;
    }
    return {};
  }
};

MediaType Parse(std::string_view text) {
  MediaType out;
  bool first = true;
  for (const std::string_view raw : base::Split(text, ';')) {
    const std::string_view part = base::Trim(raw);
    if (first) {
      out.type = part;
      first = false;
      continue;
    }
    const size_t equals = part.find('=');
    if (equals != std::string_view::npos)
      out.parameters.emplace_back(part.substr(0, equals), part.substr(equals + 1));
  }
  return out;
}

status::Failure NoForm(bool streaming) {
  if (!streaming)
    return status::NotAcceptable(
        {"application/json", "application/yaml", "application/vnd.kubernetes.protobuf"});
  return status::NotAcceptable(
      {"application/json", "application/yaml", "application/vnd.kubernetes.protobuf"});
}

status::Failure UnknownType() {
  status::Failure failure;
  failure.code = 406;
  failure.reason = "NotAcceptable";
  failure.has_details = true;
  failure.message =
      "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
      "application/vnd.kubernetes.protobuf, application/json;stream=watch, "
      "application/vnd.kubernetes.protobuf;stream=watch";
  return failure;
}

}  // namespace

status::Or<Form> FormOf(const service::Fields& headers, bool streaming) {
  const std::string* accept = service::FindHeader(headers, "accept");
  if (accept == nullptr || accept->empty()) return Form{};
  bool known = false;
  for (const std::string_view item : base::Split(std::string_view(*accept), ',')) {
    const MediaType media = Parse(base::Trim(item));
    Form form;
    if (media.type == "application/yaml") {
      form.yaml = true;
    } else if (media.type != "application/json" && media.type != "*/*" &&
               media.type != "application/*") {
      // Protobuf is read and not written: whoever asks for it takes JSON as well.
      known = known || media.type == "application/vnd.kubernetes.protobuf";
      continue;
    }
    known = true;
    if (form.yaml && streaming) continue;
    const std::string_view as = media.Get("as");
    if (as.empty()) return form;
    const std::string_view version = media.Get("v");
    if (media.Get("g") != "meta.k8s.io" || (version != "v1" && version != "v1beta1")) continue;
    form.as_version = version;
    if (as == "Table")
      form.as = Form::As::kTable;
    else if (as == "PartialObjectMetadata")
      form.as = Form::As::kPartial;
    else if (as == "PartialObjectMetadataList")
      form.as = Form::As::kPartialList;
    else
      continue;
    return form;
  }
  return known ? NoForm(streaming) : UnknownType();
}

Answer Encoded(int code, const Form& form, std::string json) {
  Answer answer;
  answer.code = code;
  if (form.yaml) {
    answer.content_type = "application/yaml";
    const base::Result<json::Value> value = json::ParseJson(json);
    json = value.ok() ? json::WriteYaml(*value) : json;
  }
  json += '\n';
  answer.body.emplace_back(std::move(json));
  return answer;
}

Answer Refusal(const status::Failure& failure) {
  Answer answer;
  answer.code = failure.code;
  answer.body.emplace_back(json::WriteJson(status::ToJson(failure)) + "\n");
  if (failure.details.retry_after_seconds > 0)
    answer.headers.emplace_back("Retry-After", std::to_string(failure.details.retry_after_seconds));
  return answer;
}

Answer Done(int code) {
  json::Value out;
  out.Set("kind", json::Value("Status"));
  out.Set("apiVersion", json::Value("v1"));
  out.Set("metadata", json::Value::Object());
  out.Set("status", json::Value("Success"));
  out.Set("code", json::Value(code));
  return Encoded(code, Form{}, json::WriteJson(out));
}

Answer PlainText(int code, std::string text) {
  Answer answer;
  answer.code = code;
  answer.content_type = "text/plain; charset=utf-8";
  answer.body.emplace_back(std::move(text));
  return answer;
}

service::Field Warning(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) quoted += c;
  }
  return {"Warning", fmt::format("299 - \"{}\"", quoted)};
}

void Send(service::Exchange& exchange, Answer answer) {
  service::Fields headers{{"Content-Type", answer.content_type},
                          {"Cache-Control", "no-cache, private"}};
  for (service::Field& header : answer.headers) headers.push_back(std::move(header));
  exchange.Respond(answer.code, std::move(headers), std::move(answer.body));
}

}  // namespace keelson::api
