// SPDX-License-Identifier: Apache-2.0
#include "runtime/inventory/plan.h"

#include "runtime/inventory/judgement.h"

namespace keelson::inventory {

void Judgement::Own(const char* kind, const std::string& thing, std::string owner, uint64_t bytes) {
  out_.push_back({{.kind = kind, .thing = thing, .bytes = bytes, .owner = std::move(owner)}, {}});
}

void Judgement::Fault(const char* kind, const std::string& thing, std::string owner,
                      std::string problem, std::string advice, uint64_t bytes) {
  out_.push_back({{.kind = kind,
                   .thing = thing,
                   .bytes = bytes,
                   .owner = std::move(owner),
                   .problem = std::move(problem),
                   .refused = std::move(advice)},
                  {}});
}

void Judgement::Mend(const char* kind, const std::string& thing, std::string problem,
                     const char* remedy, Remedy how, std::string refused, uint64_t bytes) {
  if (!refused.empty()) how = {};
  out_.push_back({{.kind = kind,
                   .thing = thing,
                   .bytes = bytes,
                   .problem = std::move(problem),
                   .remedy = remedy,
                   .refused = std::move(refused)},
                  std::move(how)});
}

void Judgement::RemoveTree(const char* kind, const std::string& path, std::string problem,
                           std::string refused, uint64_t bytes) {
  Mend(kind, path, std::move(problem), "remove it",
       {.kind = Remedy::Kind::kRemoveTree, .target = path}, std::move(refused), bytes);
}

std::vector<Judged> Judge(const Facts& facts) {
  Judgement judgement(facts);
  judgement.Processes();
  judgement.Mounts();
  judgement.Pins();
  judgement.Links();
  judgement.Rules();
  judgement.Addresses();
  judgement.Groups();
  judgement.RunDirs();
  judgement.Containers();
  judgement.Pods();
  judgement.Images();
  judgement.Files();
  return judgement.Take();
}

std::vector<Pod> KnownPods(const Facts& facts) {
  std::map<std::string, Pod> pods;
  for (const Records* records : {&facts.before, &facts.after}) {
    for (const auto& [id, pod] : records->pods) {
      if (pod.error.empty()) pods[id] = {id, pod.uid, pod.name_space, pod.name};
    }
  }
  std::vector<Pod> out;
  for (auto& [id, pod] : pods) out.push_back(std::move(pod));
  return out;
}

}  // namespace keelson::inventory
