// SPDX-License-Identifier: Apache-2.0
#include "kubelet/credentials/providers.h"

#include <unistd.h>

#include <algorithm>

#include "lib/base/log.h"
#include "lib/os/process.h"

namespace keelson::credentials {
namespace {

using base::Result;

constexpr std::chrono::minutes kPatience{1};
constexpr size_t kLargestAnswer = size_t{1} << 20;
constexpr size_t kMostKept = 1000;       // of a provider
const std::string kGlobal = "<global>";  // no image's name

std::string RegistryOf(const std::string& image) { return image.substr(0, image.find('/')); }

std::vector<std::string> EnvironmentOf(const Provider& provider) {
  std::map<std::string, std::string> variables;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string text = *one;
    const size_t sign = text.find('=');
    if (sign != std::string::npos) variables[text.substr(0, sign)] = text.substr(sign + 1);
  }
  for (const auto& [name, value] : provider.environment) variables[name] = value;
  std::vector<std::string> out;
  for (const auto& [name, value] : variables) out.push_back(name + "=" + value);
  return out;
}

}  // namespace

Result<Run> RunIn(const std::string& folder, const std::vector<Provider>& providers) {
  for (const Provider& provider : providers) {
    const std::string program = folder + "/" + provider.name;
    if (access(program.c_str(), X_OK) != 0)
      return base::Error::FromErrno(errno, "the credential provider '{}'", program);
  }
  return Run([folder](const Provider& provider, const std::string& request) -> Result<std::string> {
    os::SpawnOptions spawn;
    spawn.argv = provider.arguments;
    spawn.argv.insert(spawn.argv.begin(), folder + "/" + provider.name);
    spawn.env = EnvironmentOf(provider);
    spawn.new_session = true;
    ASSIGN_OR_RETURN(const os::CommandResult done,
                     os::RunCommand(spawn, request, kPatience, kLargestAnswer));
    if (done.status.code() != 0) {
      return base::Unavailable("it ended with {}: {}", done.status.code(),
                               done.err.substr(0, 1000));
    }
    return done.out;
  });
}

Providers::Providers(std::vector<Provider> providers, Run run, const base::Clock& clock)
    : run_(std::move(run)), clock_(clock) {
  for (Provider& provider : providers) {
    all_.push_back(std::make_unique<One>());
    all_.back()->provider = std::move(provider);
  }
}

Providers::~Providers() = default;

std::vector<image_gc::Credential> Providers::For(const std::string& image) {
  const std::string repository = image_gc::RepositoryOf(image);
  std::vector<image_gc::Credential> found;
  for (const std::unique_ptr<One>& one : all_) {
    const std::vector<std::string>& places = one->provider.match_images;
    if (std::none_of(places.begin(), places.end(), [&](const std::string& place) {
          return image_gc::IsPlaceOf(place, repository);
        }))
      continue;
    for (image_gc::Credential& credential : image_gc::CredentialsFor(image, Ask(*one, repository)))
      found.push_back(std::move(credential));
  }
  return found;
}

Providers::Entries Providers::Ask(One& one, const std::string& image) {
  std::promise<Entries> answer;
  {
    std::unique_lock lock(one.mutex);
    for (const std::string& key : {image, RegistryOf(image), kGlobal}) {
      const auto kept = one.kept.find(key);
      if (kept != one.kept.end() && clock_.Steady() < kept->second.until)
        return kept->second.entries;
    }
    if (const auto asked = one.asked.find(image); asked != one.asked.end()) {
      const std::shared_future<Entries> theirs = asked->second;
      lock.unlock();
      return theirs.get();
    }
    one.asked[image] = answer.get_future().share();
  }
  Entries entries = AskNow(one, image);
  const std::lock_guard lock(one.mutex);
  one.asked.erase(image);
  answer.set_value(entries);
  return entries;
}

Providers::Entries Providers::AskNow(One& one, const std::string& image) {
  const Provider& provider = one.provider;
  const Result<std::string> said = run_(provider, EncodeRequest(provider.api_version, image));
  Result<Response> response =
      said.ok() ? DecodeResponse(*said, provider.api_version) : Result<Response>(said.error());
  if (!response.ok()) {
    base::LogError("a credential provider gave no credentials, going on without",
                   {{"provider", provider.name}, {"image", image}, {"error", response.error()}});
    return {};
  }
  const std::chrono::nanoseconds time =
      response->good_for_long.value_or(provider.default_cache_duration);
  if (time.count() > 0) {
    Keep(one,
         response->good_for == Response::For::kImage      ? image
         : response->good_for == Response::For::kRegistry ? RegistryOf(image)
                                                          : kGlobal,
         {response->entries, clock_.Steady() + time});
  }
  return std::move(response->entries);
}

void Providers::Keep(One& one, const std::string& key, Kept kept) {
  const std::lock_guard lock(one.mutex);
  std::erase_if(one.kept,
                [now = clock_.Steady()](const auto& old) { return old.second.until <= now; });
  if (one.kept.size() >= kMostKept) {
    one.kept.erase(std::min_element(
        one.kept.begin(), one.kept.end(),
        [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
  }
  one.kept[key] = std::move(kept);
}

}  // namespace keelson::credentials
