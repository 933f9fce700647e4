// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/testing/fake_registry.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "lib/base/ids.h"
#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"

namespace keelson::image::testing {

FakeRegistry::FakeRegistry(const std::string& dir, const std::string& options)
    : log_(dir + "/requests-" + base::RandomHex(8)) {
  os::Pipe out = os::CreatePipe().value();
  os::SpawnOptions spawn;
  spawn.argv = {"/usr/bin/python3", base::SourceDir() + "/runtime/image/testing/fake_registry.py",
                "{" + options + (options.empty() ? "" : ",") + "\"log\":\"" + log_ + "\"}"};
  spawn.env = {"PATH=/usr/bin:/bin"};
  spawn.fds = {{out.write_end.get(), 1}, {2, 2}};
  auto child = os::ChildProcess::Spawn(spawn);
  EXPECT_TRUE(child.ok()) << child.error().message();
  if (!child.ok()) return;
  process_ = std::move(child).value();
  out.write_end.reset();
  struct pollfd readable{.fd = out.read_end.get(), .events = POLLIN, .revents = 0};
  char line[16] = {};
  EXPECT_EQ(poll(&readable, 1, 60000), 1);
  EXPECT_GT(read(out.read_end.get(), line, sizeof line - 1), 0);
  port_ = base::Trim(line);
}

std::string FakeRegistry::Log() const { return os::ReadFile(log_).ValueOr(""); }

size_t FakeRegistry::Count(const std::string& word) const {
  const std::string log = Log();
  size_t count = 0;
  for (const std::string_view line : base::Split(log, '\n'))
    count += line.find(word) != std::string_view::npos ? 1 : 0;
  return count;
}

}  // namespace keelson::image::testing
