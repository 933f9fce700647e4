// SPDX-License-Identifier: Apache-2.0
// The parts of Judge (plan.h): one question for each kind of thing.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/inventory/owners.h"
#include "runtime/inventory/plan.h"

namespace keelson::inventory {

constexpr char kRuntime[] = "keelson-runtime";
constexpr char kAnotherNode[] = "another node of this machine";
constexpr char kOwedDel[] = "a DEL that CNI plugins are owed";

class Judgement {
 public:
  explicit Judgement(const Facts& facts) : facts_(facts), owners_(facts) {}

  // plan_kernel.cc
  void Processes();
  void Mounts();
  void Pins();
  void Links();
  void Rules();
  void Addresses();
  void Groups();
  // plan_files.cc
  void RunDirs();
  void Containers();
  void Pods();
  void Images();
  void Files();

  std::vector<Judged> Take() { return std::move(out_); }

 private:
  void Own(const char* kind, const std::string& thing, std::string owner, uint64_t bytes = 0);
  // Something is wrong with what has an owner, or may be somebody's: said, not touched.
  void Fault(const char* kind, const std::string& thing, std::string owner, std::string problem,
             std::string advice, uint64_t bytes = 0);
  // `refused`, if any, keeps the remedy from being carried out.
  void Mend(const char* kind, const std::string& thing, std::string problem, const char* remedy,
            Remedy how, std::string refused = "", uint64_t bytes = 0);
  void RemoveTree(const char* kind, const std::string& path, std::string problem,
                  std::string refused, uint64_t bytes);
  std::string WhileRunning(const char* why) const { return facts_.runs ? why : ""; }
  void OwnChain(const ChainFact& chain, const std::string& thing,
                const std::set<std::string>& led_to);
  std::string ImageRefusal() const;
  void OwnImage(const std::string& id, const ImageFact& image, const std::string& path);
  void Part(const char* kind, const std::string& path, const std::string& digest,
            const StoredFact& fact, const std::map<std::string, std::string>& owners);

  const Facts& facts_;
  const Owners owners_;
  std::vector<Judged> out_;
};

}  // namespace keelson::inventory
