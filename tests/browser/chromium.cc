// SPDX-License-Identifier: Apache-2.0
#include "tests/browser/chromium.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"

namespace keelson::browser {
namespace {

constexpr auto kPatience = std::chrono::minutes(2);

json::Value With(std::initializer_list<std::pair<std::string_view, json::Value>> members) {
  json::Value out = json::Value::Object();
  for (const auto& [name, value] : members) out.Set(name, value);
  return out;
}

}  // namespace

bool Chromium::IsThere() { return ::access(kProgram, X_OK) == 0; }

base::Result<Chromium> Chromium::Start() {
  ASSIGN_OR_RETURN(os::TempDir dir, os::TempDir::Create("keelson-chromium"));
  ASSIGN_OR_RETURN(os::Pipe in, os::CreatePipe());
  ASSIGN_OR_RETURN(os::Pipe out, os::CreatePipe());
  ASSIGN_OR_RETURN(const os::UniqueFd log,
                   os::Open(dir.path() + "/log", O_WRONLY | O_CREAT | O_APPEND, 0600));
  os::SpawnOptions spawn;
  spawn.argv = {kProgram,
                "--headless",
                "--no-sandbox",  // root has none
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-extensions",
                "--disable-sync",
                "--no-first-run",
                "--no-proxy-server",
                "--lang=en",
                "--remote-debugging-pipe",
                "--user-data-dir=" + dir.path() + "/profile"};
  spawn.env = {"PATH=/usr/bin:/bin", "HOME=" + dir.path(), "XDG_CONFIG_HOME=" + dir.path(),
               "XDG_CACHE_HOME=" + dir.path(), "TMPDIR=" + dir.path()};
  spawn.fds = {{log.get(), 1}, {log.get(), 2}, {in.read_end.get(), 3}, {out.write_end.get(), 4}};
  spawn.new_session = true;
  ASSIGN_OR_RETURN(os::ChildProcess child, os::ChildProcess::Spawn(spawn));
  Chromium made(std::move(dir), std::move(child), std::move(in.write_end), std::move(out.read_end));
  in.read_end = {};
  out.write_end = {};
  ASSIGN_OR_RETURN(const json::Value target,
                   made.Call("Target.createTarget", With({{"url", json::Value("about:blank")}})));
  ASSIGN_OR_RETURN(const json::Value attached,
                   made.Call("Target.attachToTarget", With({{"targetId", target.At({"targetId"})},
                                                            {"flatten", json::Value(true)}})));
  made.session_ = attached.At({"sessionId"}).AsString();
  for (const char* domain : {"Page", "Runtime", "Log", "Network"}) {
    ASSIGN_OR_RETURN(const json::Value done, made.Call(std::string(domain) + ".enable"));
    (void)done;
  }
  return made;
}

Chromium::~Chromium() {
  if (!to_.valid()) return;
  session_.clear();
  (void)Call("Browser.close");
  const auto ended = child_.WaitFor(kPatience);
  // Its own session: helpers that are left behind go too.
  if (!ended.ok() || !*ended) (void)::kill(-child_.pid(), SIGKILL);
}

base::Result<json::Value> Chromium::ReadMessage() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    const size_t end = buffer_.find('\0');
    if (end != std::string::npos) {
      auto value = json::ParseJson(std::string_view(buffer_).substr(0, end));
      buffer_.erase(0, end + 1);
      return value;
    }
    pollfd wait{from_.get(), POLLIN, 0};
    if (::poll(&wait, 1, 1000) < 0 && errno != EINTR) return base::Error::FromErrno(errno, "poll");
    if (std::chrono::steady_clock::now() > deadline)
      return base::DeadlineExceeded("the browser says nothing: {}",
                                    os::ReadFile(dir_.path() + "/log").ValueOr(""));
    if ((wait.revents & (POLLIN | POLLHUP)) == 0) continue;
    char piece[65536];
    const ssize_t got = ::read(from_.get(), piece, sizeof piece);
    if (got <= 0)
      return base::Unavailable("the browser has ended: {}",
                               os::ReadFile(dir_.path() + "/log").ValueOr(""));
    buffer_.append(piece, static_cast<size_t>(got));
  }
}

void Chromium::Note(const json::Value& event) {
  const std::string& method = event.At({"method"}).AsString();
  const json::Value& told = event.At({"params"});
  if (method == "Network.requestWillBeSent") {
    requests_.push_back(told.At({"request", "url"}).AsString());
  } else if (method == "Log.entryAdded") {
    complaints_.push_back(told.At({"entry", "text"}).AsString() + " " +
                          told.At({"entry", "url"}).AsString());
  } else if (method == "Runtime.consoleAPICalled" || method == "Runtime.exceptionThrown") {
    complaints_.push_back(json::WriteJson(told));
  }
}

base::Result<json::Value> Chromium::Call(const std::string& method, json::Value parameters) {
  const int64_t id = ++calls_;
  json::Value call = With({{"id", json::Value(id)}, {"method", json::Value(method)}});
  if (!parameters.IsNull()) call.Set("params", std::move(parameters));
  if (!session_.empty()) call.Set("sessionId", json::Value(session_));
  std::string text = json::WriteJson(call);
  text.push_back('\0');
  for (size_t at = 0; at < text.size();) {
    const ssize_t sent = ::write(to_.get(), text.data() + at, text.size() - at);
    if (sent <= 0) return base::Unavailable("the browser hears nothing any more");
    at += static_cast<size_t>(sent);
  }
  while (true) {
    ASSIGN_OR_RETURN(const json::Value message, ReadMessage());
    if (message.At({"id"}).AsInt() != id) {
      Note(message);
      continue;
    }
    if (const json::Value* error = message.Find("error"))
      return base::Internal("{}: {}", method, json::WriteJson(*error));
    return message.At({"result"});
  }
}

base::Status Chromium::Open(const std::string& url) {
  ASSIGN_OR_RETURN(const json::Value done,
                   Call("Page.navigate", With({{"url", json::Value(url)}})));
  if (const json::Value* error = done.Find("errorText"))
    return base::Unavailable("open {}: {}", url, error->AsString());
  return base::Ok();
}

base::Result<json::Value> Chromium::Evaluate(const std::string& expression) {
  ASSIGN_OR_RETURN(const json::Value done,
                   Call("Runtime.evaluate", With({{"expression", json::Value(expression)},
                                                  {"awaitPromise", json::Value(true)},
                                                  {"userGesture", json::Value(true)},
                                                  {"returnByValue", json::Value(true)}})));
  if (const json::Value* wrong = done.Find("exceptionDetails"))
    return base::Internal("{}: {}", expression, json::WriteJson(*wrong));
  return done.At({"result", "value"});
}

base::Status Chromium::WaitFor(const std::string& expression) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    const base::Result<json::Value> value = Evaluate(expression);
    if (value.ok() && value->AsBool()) return base::Ok();
    // Between two pages there is none to ask.
    if (!value.ok() && value.error().code() != base::Code::kInternal) return value.error();
    ::poll(nullptr, 0, 20);
  }
  ASSIGN_OR_RETURN(const json::Value seen, Evaluate("document.body.innerText"));
  return base::DeadlineExceeded("it never was so: {}\n{}", expression, seen.AsString());
}

base::Status Chromium::SetSize(int width, int height, bool dark) {
  ASSIGN_OR_RETURN(const json::Value size, Call("Emulation.setDeviceMetricsOverride",
                                                With({{"width", json::Value(width)},
                                                      {"height", json::Value(height)},
                                                      {"deviceScaleFactor", json::Value(1)},
                                                      {"mobile", json::Value(width < 600)}})));
  json::Value feature = With({{"name", json::Value("prefers-color-scheme")},
                              {"value", json::Value(dark ? "dark" : "light")}});
  ASSIGN_OR_RETURN(const json::Value media,
                   Call("Emulation.setEmulatedMedia",
                        With({{"features", json::Value::Array({std::move(feature)})}})));
  return base::Ok();
}

base::Status Chromium::Press(const std::string& key, int code) {
  for (const char* type : {"keyDown", "keyUp"}) {
    ASSIGN_OR_RETURN(
        const json::Value done,
        Call("Input.dispatchKeyEvent", With({{"type", json::Value(type)},
                                             {"key", json::Value(key)},
                                             {"code", json::Value(key)},
                                             {"windowsVirtualKeyCode", json::Value(code)}})));
    (void)done;
  }
  return base::Ok();
}

base::Status Chromium::SaveScreenshot(const std::string& path) {
  ASSIGN_OR_RETURN(const json::Value shot, Call("Page.captureScreenshot", json::Value::Object()));
  const auto bytes = base::Base64Decode(shot.At({"data"}).AsString());
  if (!bytes) return base::Internal("the browser gave no picture");
  return os::WriteFileAtomic(path, *bytes, 0644);
}

}  // namespace keelson::browser
