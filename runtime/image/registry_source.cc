// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/registry_source.h"

namespace keelson::image {

struct RegistrySource::State {};

base::Result<std::unique_ptr<RegistrySource>> RegistrySource::Open(const Options&, const Reference&, const std::optional<Credentials>&) {
  return base::Unimplemented("pulling from registries is not built yet");
}
RegistrySource::RegistrySource(std::unique_ptr<State> state) : state_(std::move(state)) {}
RegistrySource::~RegistrySource() = default;
base::Result<ImageSource::Top> RegistrySource::Resolve() { return base::Unimplemented("not built yet"); }
base::Result<std::string> RegistrySource::ReadDocument(const Descriptor&) { return base::Unimplemented("not built yet"); }
base::Status RegistrySource::FeedLayer(const Descriptor&, os::UniqueFd) { return base::Unimplemented("not built yet"); }
void RegistrySource::Cancel() {}

}  // namespace keelson::image
