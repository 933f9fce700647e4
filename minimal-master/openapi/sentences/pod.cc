// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/openapi/sentences.h"

namespace keelson::openapi {

const std::string_view kPodSentences = R"(
)";

}  // namespace keelson::openapi
