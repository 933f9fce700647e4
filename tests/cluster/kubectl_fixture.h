// SPDX-License-Identifier: Apache-2.0
// kubectl as a person types it, against a cluster of one node of which every process is real:
// lines for a shell in which `kubectl` is the one under test, sessions that go on beside the test,
// with a terminal or without. One thread.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/os/process.h"
#include "lib/os/unique_fd.h"
#include "tests/cluster/joined_fixture.h"

namespace keelson::cluster_test {

struct Told {
  int code = -1;
  std::string out, err;
};

// A program that goes on beside the test; killed with its owner. With a terminal, whatever it
// writes is one text, lines end with "\r\n", and what is typed is echoed.
class Session {
 public:
  struct Size {
    uint16_t rows = 24, columns = 80;
  };
  // Output and errors go to one pipe, input is `input` to be typed, or nothing.
  static Session WithPipes(const std::string& line, const std::vector<std::string>& environment);
  static Session WithTerminal(const std::string& line, const std::vector<std::string>& environment,
                              Size size);

  // Whether it has said `text`, from what was not yet awaited on; what comes up to its end counts
  // as awaited. Waits for minutes, not longer than until the program ends.
  bool Says(const std::string& text);
  void Type(std::string_view text);
  void Resize(Size size);
  void Signal(int signal);
  // Its exit code, when it has ended by itself; -1: it does not.
  int Wait();
  const std::string& said() const { return said_; }

 private:
  Session(os::ChildProcess child, os::UniqueFd from, os::UniqueFd to)
      : child_(std::move(child)), from_(std::move(from)), to_(std::move(to)) {}
  static Session Spawn(const std::string& line, const std::vector<std::string>& environment,
                       int input, int output, os::UniqueFd from, os::UniqueFd to);
  bool Read(int milliseconds);  // false: nothing will come any more

  os::ChildProcess child_;
  os::UniqueFd from_, to_;
  std::string said_;
  size_t awaited_ = 0;
};

class KubectlTest : public JoinedNode {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Master, runtime, kubelet and proxy; images busybox:demo, nginx:demo and nginx:two.
  void StartCluster(const std::vector<std::string>& master_arguments = {});
  // From now on `kubectl` is 1.<minor>; false: it cannot be had here.
  bool Use(int minor);

  // The line in a shell, in the test's folder. Whoever fails says so in the test's output.
  Told Sh(const std::string& line, const std::string& input = "");
  std::string Out(const std::string& line, const std::string& input = "");  // must end well
  std::string Err(const std::string& line, int code = 1);  // must fail so; what it says on stderr
  // Until the output of the line, which ends well, is matched.
  void Becomes(const std::string& line, const testing::Matcher<std::string>& matcher);
  Session Start(const std::string& line);
  Session OnTerminal(const std::string& line, Session::Size size = {});
  std::vector<std::string> ShellEnvironment() const;
  std::string Here(const std::string& file) const { return dir_.path() + "/" + file; }
  void Write(const std::string& file, const std::string& text);
  // Of pods with these labels, in order of names.
  std::vector<std::string> Pods(const std::string& labels);
  // A pod of busybox with one container "main" that runs `script`, until it is ready.
  void RunScript(const std::string& name, const std::string& script, const std::string& more = "");

  int minor_ = 35;
  std::string
      ways_;  // how kubectl is to speak: "true": WebSocket, "false": SPDY; empty: as it likes

 private:
  std::optional<os::ChildProcess> proxy_;
};

inline constexpr char kBusybox[] = "docker.io/library/busybox:demo";
inline constexpr char kNginx[] = "docker.io/library/nginx:demo";

// The whole text, as a POSIX extended expression; a name for a duration as people are told it.
testing::Matcher<std::string> Like(std::string expression);

}  // namespace keelson::cluster_test
