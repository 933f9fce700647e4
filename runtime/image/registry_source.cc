// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/registry_source.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "runtime/content/digest.h"
#include "runtime/fetch/client.h"
#include "runtime/image/docker_config.h"
#include "runtime/image/registry_hosts.h"

namespace keelson::image {

using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr size_t kMaxDockerConfig = 1u << 20;
constexpr size_t kPieceBytes = 1u << 20;

bool IsEmpty(const fetch::Credentials& c) {
  return c.username.empty() && c.password.empty() && c.identity_token.empty() &&
         c.registry_token.empty();
}

Result<std::string> ReadDockerConfig(const std::string& path) {
  if (path.empty()) return std::string("{}");
  Result<std::string> text = os::ReadFile(path, kMaxDockerConfig);
  if (!text.ok() && text.error().code() == base::Code::kNotFound) return std::string("{}");
  return text;
}

// The request's credentials are for the registry that the image names; mirrors get only what the
// node's file says of them.
Status AddCredentials(const std::string& docker_config, const Reference& reference,
                      const std::optional<fetch::Credentials>& requested,
                      std::vector<RegistryHost>* hosts) {
  ASSIGN_OR_RETURN(const std::string text, ReadDockerConfig(docker_config));
  for (RegistryHost& host : *hosts) {
    if (host.is_registry && requested && !IsEmpty(*requested)) {
      host.endpoint.credentials = *requested;
      continue;
    }
    Result<std::optional<fetch::Credentials>> known = FindCredentials(text, host.authority);
    if (known.ok() && !*known && host.is_registry)
      known = FindCredentials(text, reference.registry);
    if (!known.ok()) return known.error().WithContext(docker_config);
    if (*known) host.endpoint.credentials = **known;
  }
  return base::Ok();
}

Status Pump(int from, int to, content::Digester* hash, uint64_t* bytes) {
  std::vector<char> buffer(kPieceBytes);
  for (;;) {
    const ssize_t n = read(from, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::FromErrno(errno, "read from keelson-fetch");
    if (n == 0) return base::Ok();
    const std::string_view piece(buffer.data(), static_cast<size_t>(n));
    hash->Update(piece);
    *bytes += piece.size();
    RETURN_IF_ERROR(os::WriteAll(to, piece));
  }
}

}  // namespace

struct RegistrySource::State {
  Reference reference;
  std::unique_ptr<fetch::FetchProcess> process;

  // A document by way of a memory file: the fetch process has no other place to put it.
  Result<std::pair<std::string, fetch::Reply>> Read(const fetch::Request& request) const {
    const os::UniqueFd file(memfd_create("keelson-document", MFD_CLOEXEC));
    if (!file) return Error::FromErrno(errno, "memfd_create");
    ASSIGN_OR_RETURN(fetch::Reply reply, process->Run(request, file.get()));
    if (lseek(file.get(), 0, SEEK_SET) != 0) return Error::FromErrno(errno, "lseek");
    ASSIGN_OR_RETURN(std::string bytes, os::ReadAll(file.get(), request.size));
    // Documents are small: hashed here once more, so that what is parsed is what was promised.
    if (content::DigestOf(bytes) != reply.digest)
      return base::DataLoss("the fetch process handed on other bytes than it hashed");
    return std::pair(std::move(bytes), std::move(reply));
  }
};

RegistrySource::RegistrySource(std::unique_ptr<State> state) : state_(std::move(state)) {}
RegistrySource::~RegistrySource() = default;

Result<std::unique_ptr<RegistrySource>> RegistrySource::Open(
    const Options& options, const Reference& reference,
    const std::optional<fetch::Credentials>& credentials) {
  ASSIGN_OR_RETURN(
      std::vector<RegistryHost> hosts,
      FindRegistryHosts(options.registries_dir, reference.registry, options.plain_http_hosts));
  RETURN_IF_ERROR(AddCredentials(options.docker_config, reference, credentials, &hosts));
  fetch::Config config;
  config.repository = reference.repository;
  config.accept = AcceptedDocumentTypes();
  config.no_progress_timeout = options.no_progress_timeout;
  for (RegistryHost& host : hosts) config.endpoints.push_back(std::move(host.endpoint));
  auto state = std::make_unique<State>();
  state->reference = reference;
  ASSIGN_OR_RETURN(state->process, fetch::FetchProcess::Start(options.fetch_program, config));
  return std::unique_ptr<RegistrySource>(new RegistrySource(std::move(state)));
}

Result<ImageSource::Top> RegistrySource::Resolve() {
  const Reference& reference = state_->reference;
  fetch::Request request{.kind = fetch::Request::Kind::kManifest,
                         .reference = reference.digest.empty() ? reference.tag : reference.digest,
                         .size = kMaxDocumentBytes};
  ASSIGN_OR_RETURN(auto found, state_->Read(request));
  return Top{std::move(found.first), found.second.media_type, found.second.digest};
}

Result<std::string> RegistrySource::ReadDocument(const Descriptor& descriptor) {
  const bool config = descriptor.media_type.find("config") != std::string::npos ||
                      descriptor.media_type.find("container.image") != std::string::npos;
  fetch::Request request{
      .kind = config ? fetch::Request::Kind::kBlob : fetch::Request::Kind::kManifest,
      .reference = descriptor.digest,
      .size = descriptor.size};
  ASSIGN_OR_RETURN(auto found, state_->Read(request));
  if (found.second.digest != descriptor.digest)
    return base::DataLoss("digest mismatch: asked for {}, got {}", descriptor.digest,
                          found.second.digest);
  return std::move(found.first);
}

// Hashed here a second time, on the way from one helper to the other: layers are shared by digest
// between images of different registries, so neither helper's word may decide what a digest stands
// for.
Status RegistrySource::FeedLayer(const Descriptor& layer, os::UniqueFd sink) {
  ASSIGN_OR_RETURN(os::Pipe stream, os::CreatePipe());
  (void)fcntl(stream.write_end.get(), F_SETPIPE_SZ, kPieceBytes);
  const fetch::Request request{
      .kind = fetch::Request::Kind::kBlob, .reference = layer.digest, .size = layer.size};
  ASSIGN_OR_RETURN(const os::UniqueFd reply_socket,
                   state_->process->Ask(request, stream.write_end.get()));
  stream.write_end.reset();
  content::Digester hash;
  uint64_t bytes = 0;
  Status pumped = Pump(stream.read_end.get(), sink.get(), &hash, &bytes);
  stream.read_end.reset();  // after trouble with the sink: ends what still writes
  if (!pumped.ok()) return pumped;
  ASSIGN_OR_RETURN(const fetch::Reply reply, fetch::FetchProcess::Reap(reply_socket));
  const std::string digest = hash.Finish();
  if (digest != layer.digest || bytes != layer.size) {
    return base::DataLoss("{}: digest mismatch: asked for {} of {} bytes, got {} of {} bytes",
                          reply.endpoint, layer.digest, layer.size, digest, bytes);
  }
  return base::Ok();
}

void RegistrySource::Cancel() { state_->process->Kill(); }

}  // namespace keelson::image
