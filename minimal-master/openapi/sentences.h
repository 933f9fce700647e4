// SPDX-License-Identifier: Apache-2.0
// What `kubectl explain` says about types and the fields that people ask about, in our own words.
// The text is parsed when a document is made and forgotten with it. Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>

namespace keelson::openapi {

// The texts: a line for a type without its "io.k8s.api." ("core.v1.Pod What it is."), then, set in
// by two spaces, lines for its fields ("  spec What it is.").
extern const std::string_view kMetaSentences;
extern const std::string_view kPodSentences;
extern const std::string_view kContainerSentences;
extern const std::string_view kCoreSentences;
extern const std::string_view kWorkloadSentences;
extern const std::string_view kOtherSentences;

class Sentences {
 public:
  Sentences();
  // `field` empty: about the type itself. Empty: nothing is said.
  std::string_view Of(std::string_view openapi_name, std::string_view field) const;
  // "core.v1.Pod" or "core.v1.Pod spec" of each, for the test that all of them exist.
  const std::unordered_map<std::string, std::string_view>& all() const { return sentences_; }

 private:
  std::unordered_map<std::string, std::string_view> sentences_;
};

}  // namespace keelson::openapi
