// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/openapi/sentences.h"

#include "lib/base/strings.h"

namespace keelson::openapi {
namespace {

std::string_view Shortened(std::string_view name) {
  for (const std::string_view prefix : {"io.k8s.apimachinery.pkg.apis.", "io.k8s.api."}) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

}  // namespace

Sentences::Sentences() {
  for (const std::string_view text : {kMetaSentences, kPodSentences, kContainerSentences,
                                      kCoreSentences, kWorkloadSentences, kOtherSentences}) {
    std::string_view type;
    for (const std::string_view line : base::Split(text, '\n')) {
      if (line.empty()) continue;
      const bool field = line.starts_with("  ");
      const std::string_view rest = line.substr(field ? 2 : 0);
      const size_t end = std::min(rest.find(' '), rest.size());
      const std::string_view name = rest.substr(0, end);
      if (!field) type = name;
      const std::string_view sentence = rest.substr(std::min(end + 1, rest.size()));
      if (sentence.empty()) continue;  // a type of whose fields alone something is said
      sentences_.emplace(field ? std::string(type) + ' ' + std::string(name) : std::string(name),
                         sentence);
    }
  }
}

std::string_view Sentences::Of(std::string_view openapi_name, std::string_view field) const {
  std::string key(Shortened(openapi_name));
  if (!field.empty()) key.append(" ").append(field);
  const auto found = sentences_.find(key);
  return found == sentences_.end() ? std::string_view() : found->second;
}

}  // namespace keelson::openapi
