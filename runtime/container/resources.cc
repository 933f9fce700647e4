// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/resources.h"

#include <algorithm>

#include "cri-api/container.pb.h"
#include "cri-api/cri.h"
#include "cri-api/sandbox.pb.h"
#include "lib/base/strings.h"

namespace keelson::container {

using base::Result;
using base::Status;

Result<cgroup::Resources> ToCgroup(const cri::LinuxContainerResources& wanted) {
  cgroup::Resources r;
  r.cpu_shares = wanted.cpu_shares();
  r.cpu_quota = wanted.cpu_quota();
  r.cpu_period = wanted.cpu_period();
  r.cpuset_cpus = wanted.cpuset_cpus();
  r.cpuset_mems = wanted.cpuset_mems();
  r.memory_limit = wanted.memory_limit_in_bytes();
  r.memory_swap_limit = wanted.memory_swap_limit_in_bytes();
  if (r.cpu_shares < 0) return base::InvalidArgument("cpu_shares: {} is negative", r.cpu_shares);
  if (r.cpu_period < 0) return base::InvalidArgument("cpu_period: {} is negative", r.cpu_period);
  for (const auto& [name, list] :
       {std::pair{"cpuset_cpus", &r.cpuset_cpus}, {"cpuset_mems", &r.cpuset_mems}}) {
    if (list->find_first_not_of("0123456789,-") != std::string::npos)
      return base::InvalidArgument("{}: {} is no list of numbers", name,
                                   base::QuoteIfNeeded(list->substr(0, 200)));
  }
  for (const auto& [file, value] : wanted.unified()) {
    // A name in the container's own directory and nothing that moves processes or changes the tree.
    const bool plain = file.find('.') != std::string::npos &&
                       file.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._") ==
                           std::string::npos;
    if (!plain || file.starts_with('.') || file.starts_with("cgroup."))
      return base::InvalidArgument("unified: {} is no limit's file", base::QuoteIfNeeded(file));
    if (base::ContainsControlCharacter(value))
      return base::InvalidArgument("unified: the value of '{}' holds a control character", file);
    r.unified[file] = value;
  }
  for (const cri::HugepageLimit& limit : wanted.hugepage_limits()) {
    if (limit.page_size().empty() ||
        limit.page_size().find_first_not_of("0123456789KMGB") != std::string::npos) {
      return base::InvalidArgument("hugepage_limits: {} is no page size",
                                   base::QuoteIfNeeded(limit.page_size()));
    }
    r.hugepages[limit.page_size()] =
        static_cast<int64_t>(std::min<uint64_t>(limit.limit(), INT64_MAX));
  }
  return r;
}

void Merge(const cri::LinuxContainerResources& change, cri::LinuxContainerResources& into) {
  if (change.cpu_period() != 0) into.set_cpu_period(change.cpu_period());
  if (change.cpu_quota() != 0) into.set_cpu_quota(change.cpu_quota());
  if (change.cpu_shares() != 0) into.set_cpu_shares(change.cpu_shares());
  if (change.memory_limit_in_bytes() != 0)
    into.set_memory_limit_in_bytes(change.memory_limit_in_bytes());
  if (change.memory_swap_limit_in_bytes() != 0)
    into.set_memory_swap_limit_in_bytes(change.memory_swap_limit_in_bytes());
  if (change.oom_score_adj() != 0) into.set_oom_score_adj(change.oom_score_adj());
  if (!change.cpuset_cpus().empty()) into.set_cpuset_cpus(change.cpuset_cpus());
  if (!change.cpuset_mems().empty()) into.set_cpuset_mems(change.cpuset_mems());
  for (const cri::HugepageLimit& limit : change.hugepage_limits()) {
    cri::HugepageLimit* place = nullptr;
    for (cri::HugepageLimit& known : *into.mutable_hugepage_limits()) {
      if (known.page_size() == limit.page_size()) place = &known;
    }
    *(place != nullptr ? place : into.add_hugepage_limits()) = limit;
  }
  for (const auto& [file, value] : change.unified()) (*into.mutable_unified())[file] = value;
}

cri::LinuxContainerResources Actual(const cri::LinuxContainerResources& asked,
                                    const cgroup::Resources& kernel) {
  cri::LinuxContainerResources out = asked;
  if (kernel.cpu_shares != 0) out.set_cpu_shares(kernel.cpu_shares);
  if (kernel.cpu_quota != 0) out.set_cpu_quota(kernel.cpu_quota);
  if (kernel.cpu_period != 0) out.set_cpu_period(kernel.cpu_period);
  if (!kernel.cpuset_cpus.empty()) out.set_cpuset_cpus(kernel.cpuset_cpus);
  if (!kernel.cpuset_mems.empty()) out.set_cpuset_mems(kernel.cpuset_mems);
  if (kernel.memory_limit != 0) out.set_memory_limit_in_bytes(kernel.memory_limit);
  // A machine that counts no swap has no such limit, whatever was asked.
  out.set_memory_swap_limit_in_bytes(kernel.memory_swap_limit);
  for (cri::HugepageLimit& limit : *out.mutable_hugepage_limits()) {
    const auto found = kernel.hugepages.find(limit.page_size());
    if (found != kernel.hugepages.end())
      limit.set_limit(found->second < 0 ? UINT64_MAX : static_cast<uint64_t>(found->second));
  }
  for (const auto& [file, value] : kernel.unified) (*out.mutable_unified())[file] = value;
  return out;
}

Status CheckClasses(const cri::PodSandboxConfig& sandbox, const cri::ContainerConfig& container) {
  struct Kind {
    std::string_view prefix;
    const char* what;
  };
  static constexpr Kind kKinds[] = {
      {"rdt.resources.beta.kubernetes.io/", "RDT"},
      {"blockio.resources.beta.kubernetes.io/", "block I/O"},
      {"io.kubernetes.cri.rdt-class", "RDT"},
      {"io.kubernetes.cri.blockio-class", "block I/O"},
  };
  const std::string own = "container." + container.metadata().name();
  for (const auto* annotations : {&sandbox.annotations(), &container.annotations()}) {
    for (const auto& [key, value] : *annotations) {
      for (const Kind& kind : kKinds) {
        if (!key.starts_with(kind.prefix) || value.empty()) continue;
        const std::string_view rest = std::string_view(key).substr(kind.prefix.size());
        // A line for another container of the pod is not this one's.
        if (rest.starts_with("container.") && rest != own) continue;
        return base::FailedPrecondition(
            "annotation '{}' asks for the {} class {}: this runtime sets no such classes", key,
            kind.what, base::QuoteIfNeeded(value.substr(0, 200)));
      }
    }
  }
  return base::Ok();
}

}  // namespace keelson::container
