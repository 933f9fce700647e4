// SPDX-License-Identifier: Apache-2.0
// keelson: the person's command. See command_line.h.
#include <iostream>

#include "cli/command_line.h"

int main(int argc, char** argv) {
  const keelson::base::SystemClock clock;
  const int code = keelson::cli::Run({argv + 1, argv + argc}, clock, {std::cout, std::cerr});
  std::cout.flush();
  if (std::cout.good()) return code;
  std::cerr << "keelson: the output could not be written\n";
  return code != 0 ? code : 1;
}
