// SPDX-License-Identifier: Apache-2.0
// Debian's Chromium without a screen, with a profile of its own, driven by its DevTools protocol
// over a pipe: one page, what it asks for and what it complains of. Ended with its owner. One
// thread. Source: chromedevtools.github.io/devtools-protocol.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.h"
#include "lib/os/process.h"
#include "lib/os/temp_dir.h"
#include "lib/os/unique_fd.h"

namespace keelson::browser {

class Chromium {
 public:
  static constexpr char kProgram[] = "/usr/bin/chromium";
  static bool IsThere();

  static base::Result<Chromium> Start();
  Chromium(Chromium&&) = default;
  ~Chromium();

  base::Status Open(const std::string& url);
  // The value of an expression in the page; a promise's once it is kept.
  base::Result<json::Value> Evaluate(const std::string& expression);
  // Until it is true; after two minutes what the page shows, as an error.
  base::Status WaitFor(const std::string& expression);
  base::Status SetSize(int width, int height, bool dark);
  base::Status Press(const std::string& key, int code);  // "Escape", 27
  base::Status SaveScreenshot(const std::string& path);

  const std::vector<std::string>& requests() const { return requests_; }      // addresses
  const std::vector<std::string>& complaints() const { return complaints_; }  // of the console

 private:
  Chromium(os::TempDir dir, os::ChildProcess child, os::UniqueFd to, os::UniqueFd from)
      : dir_(std::move(dir)),
        child_(std::move(child)),
        to_(std::move(to)),
        from_(std::move(from)) {}
  base::Result<json::Value> Call(const std::string& method, json::Value parameters = {});
  base::Result<json::Value> ReadMessage();
  void Note(const json::Value& event);

  os::TempDir dir_;
  os::ChildProcess child_;
  os::UniqueFd to_, from_;
  std::string buffer_;
  std::string session_;
  int64_t calls_ = 0;
  std::vector<std::string> requests_, complaints_;
};

}  // namespace keelson::browser
