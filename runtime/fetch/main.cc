// SPDX-License-Identifier: Apache-2.0
// keelson-fetch: serves the fetch requests of one pull (see protocol.h), each on a thread of its
// own, until the request socket closes. Started by the runtime.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/socket.h"
#include "runtime/fetch/registry_client.h"
#include "runtime/fetch/rights.h"

namespace keelson::fetch {
namespace {

// Where distributions keep the authorities that the system trusts.
constexpr const char* kAuthorityFiles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                           "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

std::string SystemAuthorities() {
  if (const char* file = std::getenv("SSL_CERT_FILE"); file != nullptr)
    return os::ReadFile(file).ValueOr("");
  for (const char* file : kAuthorityFiles) {
    if (base::Result<std::string> text = os::ReadFile(file); text.ok())
      return std::move(text).value();
  }
  return "";
}

// curl reads the lower-case name only; many set the other.
void AcceptUpperCaseProxy() {
  const char* upper = std::getenv("HTTP_PROXY");
  if (upper != nullptr && std::getenv("http_proxy") == nullptr) setenv("http_proxy", upper, 1);
}

base::Status Serve() {
  ASSIGN_OR_RETURN(const std::string bytes, os::ReadAll(kConfigMemfd));
  close(kConfigMemfd);
  ASSIGN_OR_RETURN(Config config, DecodeConfig(bytes));
  AcceptUpperCaseProxy();
  RegistryClient client(std::move(config), SystemAuthorities());
  {
    const http::Client warm;
  }  // libraries load what they need now
  (void)content::DigestOf("");
  RETURN_IF_ERROR(GiveUpRights());
  for (;;) {
    base::Result<os::Message> message = os::ReceiveMessage(kRequestSocket);
    if (!message.ok()) return base::Ok();  // the daemon is done with us
    if (message->fds.size() != 2) return base::InvalidArgument("a request without its descriptors");
    ASSIGN_OR_RETURN(Request request, DecodeRequest(message->bytes));
    std::thread([&client, request = std::move(request), sink = std::move(message->fds[0]),
                 reply = std::move(message->fds[1])]() mutable {
      const base::Result<Reply> fetched = client.Fetch(
          request, [&sink](std::string_view piece) { return os::WriteAll(sink.get(), piece); });
      sink.reset();
      (void)os::SendMessage(reply.get(), Encode(fetched));
    }).detach();
  }
}

}  // namespace
}  // namespace keelson::fetch

int main() {
  signal(SIGPIPE, SIG_IGN);
  const keelson::base::Status served = keelson::fetch::Serve();
  if (!served.ok()) keelson::base::LogError("keelson-fetch ends", {{"error", served.error()}});
  _exit(served.ok() ? 0 : 1);
}
