// SPDX-License-Identifier: Apache-2.0
// Where objects lie in the store: upstream's keys, so that its server finds in a shared etcd what
// we wrote, and the one version of each kind that is kept. Pure, any thread. Source: the layout
// that k8s.io/kubernetes/pkg/registry (1.35) writes.
#pragma once

#include <string>
#include <string_view>

#include "minimal-master/schema/resources.h"

namespace keelson::storage {

// "/registry/pods/", "/registry/services/specs/": ends with a slash. The same for every version.
std::string KeyPrefix(std::string_view group, std::string_view resource);
// Of the objects in a namespace (empty: of all).
std::string PrefixOf(const schema::Resource& resource, std::string_view ns);
std::string KeyOf(const schema::Resource& resource, std::string_view ns, std::string_view name);

// The resource in the version that is stored, which is often itself. Kinds that are two views of
// one (events, autoscalers) have one stored form.
const schema::Resource& StoredAs(const schema::Resource& resource);
// The stored resource that a key belongs to; null: none that is known.
const schema::Resource* ResourceOfKey(std::string_view key);

}  // namespace keelson::storage
