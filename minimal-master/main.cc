// SPDX-License-Identifier: Apache-2.0
// keelson-master: the control plane. Serves the API until SIGTERM or SIGINT; or makes a backup of
// the store, or restores one. Its parts are put together in minimal-master/program.
#include "minimal-master/program/run.h"

int main(int argc, char** argv) {
  using namespace keelson;
  const auto options = program::ReadOptions(argc, argv);
  if (const int* code = std::get_if<int>(&options)) return *code;
  return program::Run(std::get<program::Options>(options));
}
