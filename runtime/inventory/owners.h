// SPDX-License-Identifier: Apache-2.0
// Who may own something, by the records of before and after: names for people, and the questions
// that judging asks of them. Pure; refers to the facts that it was made of.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "runtime/inventory/facts.h"

namespace keelson::inventory {

class Owners {
 public:
  explicit Owners(const Facts& facts);

  // "pod default/web"; by its id where the record is unusable.
  std::string PodName(const std::string& id) const;
  std::string ContainerName(const std::string& id) const;
  std::string ImageName(const std::string& id) const;

  // Not those that mending takes away.
  bool KnowsPod(const std::string& id) const;
  bool KnowsContainer(const std::string& id) const;
  // Its things in the kernel are its own: it lives, or is on its way in or out. A pod that has
  // stopped holds none.
  bool Holds(const std::string& pod) const;
  // The pod that holds its things and whose id begins so; empty: none.
  std::string HolderOf(std::string_view prefix) const;
  // It was ready before and is now: what it needs has to be there.
  bool IsReady(const std::string& pod) const;
  // A container, or a pod with a monitor, of which nobody knows any more: what runs of it can be
  // ended, since nobody else ever will.
  bool IsStray(const std::string& id) const;
  // Something of it runs: its monitor, or a process in its group.
  bool Lives(const std::string& pod_or_container) const;

  // Owners of what images consist of, by digest.
  const std::map<std::string, std::string>& layers() const { return layers_; }
  const std::map<std::string, std::string>& blobs() const { return blobs_; }
  // Images that a name or a container leads to.
  bool IsReachable(const std::string& image) const { return reachable_.contains(image); }
  // Which layers a container uses cannot be told, since its image's record is unusable: its name.
  const std::string& blind() const { return blind_; }

 private:
  bool IsLost(const std::string& id, const std::string& error) const;
  void FollowImages(const Records& records);
  const Facts& facts_;
  std::set<std::string> holders_, alive_, reachable_;
  std::map<std::string, std::string> image_names_, layers_, blobs_;
  std::string blind_;
};

}  // namespace keelson::inventory
