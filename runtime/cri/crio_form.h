// SPDX-License-Identifier: Apache-2.0
// What CRI-O answers over HTTP on its socket, so that cAdvisor (which kubelets carry inside) finds
// name, labels and place of a container whose cgroup is named as CRI-O names it:
// crio-<64 hexadecimal digits>, with .scope at its end under systemd. GET /info, GET
// /containers/<id>. Source: CRI-O's inspect API, as cAdvisor's client for it reads it.
#pragma once

#include <string>

#include "lib/http/server/server.h"
#include "runtime/cri/runtime.h"

namespace keelson::cri_server {

constexpr char kCrioPrefix[] = "crio-";
constexpr char kCrioSuffix[] = ".scope";  // with the cgroup driver systemd

http::Response AnswerAsCrio(const Runtime& runtime, const http::Request& request);

}  // namespace keelson::cri_server
