// SPDX-License-Identifier: Apache-2.0
#include "tests/security/security_case.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace keelson::security_tests {

Exchange::Exchange(std::string one, std::string other)
    : one_(std::move(one)), other_(std::move(other)), thread_([this] {
        while (!stop_) {
          if (renameat2(AT_FDCWD, one_.c_str(), AT_FDCWD, other_.c_str(), RENAME_EXCHANGE) == 0)
            exchanged_ = !exchanged_;
        }
      }) {}

Exchange::~Exchange() {
  stop_ = true;
  thread_.join();
  if (exchanged_) {
    EXPECT_EQ(renameat2(AT_FDCWD, one_.c_str(), AT_FDCWD, other_.c_str(), RENAME_EXCHANGE), 0);
  }
}

std::string Describe(const std::string& path) {
  std::string text;
  const auto add = [&text](const std::string& name) {
    struct stat st{};
    if (lstat(name.c_str(), &st) != 0) return;
    text += fmt::format("{} {:o} {}:{} ", name, st.st_mode, st.st_uid, st.st_gid);
    if (S_ISREG(st.st_mode)) text += os::ReadFile(name).ValueOr("?");
    if (S_ISLNK(st.st_mode)) text += std::filesystem::read_symlink(name).string();
    text += '\n';
  };
  add(path);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    names.push_back(entry.path().string());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) add(name);
  return text;
}

void SecurityCase::SetUpTestSuite() {
  static const bool once = (ServedTest::SetUpTestSuite(), true);
  (void)once;
}

void SecurityCase::SetUp() {
  ServedTest::SetUp();
  if (!runtime_) return;
  // Open to all: what stops a container shall be the runtime, not the mode of a directory.
  ASSERT_TRUE(os::MakeDirs(canary() + "/in", 0755).ok());
  for (const std::string& folder : {canary(), canary() + "/in"})
    ASSERT_EQ(chmod(folder.c_str(), 0777), 0);
  Write(canary() + "/file", "untouched", 0666);
}

void SecurityCase::TearDown() {
  if (runtime_ && !watched_.empty()) ExpectHostUntouched();
  ServedTest::TearDown();
}

std::string SecurityCase::HostState() const {
  std::string text = Describe(canary());
  const std::string mounts = os::ReadFile("/proc/self/mountinfo").value();
  for (const std::string_view line : base::Split(std::string_view(mounts), '\n')) {
    // Those of the pods' network namespaces come and go.
    if (line.find(run_ + "/netns/") == std::string_view::npos) text += std::string(line) + "\n";
  }
  for (const char* setting : {"core_pattern", "modprobe", "panic", "hostname", "shmmax", "msgmax"})
    text += fmt::format("{} {}", setting,
                        os::ReadFile(std::string("/proc/sys/kernel/") + setting).ValueOr("none\n"));
  return text;
}

void SecurityCase::Watch() { watched_ = HostState(); }
void SecurityCase::ExpectHostUntouched() { EXPECT_EQ(HostState(), watched_); }

void SecurityCase::MakeCanarysTwinInImage() {
  ASSERT_TRUE(os::MakeDirs(layer() + canary(), 0755).ok());
}

std::string SecurityCase::MakeVolume(const std::string& name) {
  const std::string path = dir_.path() + "/" + name;
  EXPECT_TRUE(os::MakeDirs(path, 0777).ok());
  EXPECT_EQ(chmod(path.c_str(), 0777), 0);
  return path;
}

void SecurityCase::Link(const std::string& target, const std::string& path) {
  ASSERT_EQ(symlink(target.c_str(), path.c_str()), 0) << path;
}

void SecurityCase::Write(const std::string& path, const std::string& text, unsigned mode) {
  const base::Status written = os::WriteFileAtomic(path, text, mode);
  ASSERT_TRUE(written.ok()) << written.error().message();
}

void SecurityCase::AddVolume(cri::ContainerConfig& config, const std::string& from,
                             const std::string& to) {
  cri::Mount& mount = *config.add_mounts();
  mount.set_host_path(from);
  mount.set_container_path(to);
}

std::string SecurityCase::StartWithOwners(const std::string& name) {
  cri::PodSandboxConfig config = Pod(name);
  cri::UserNamespace& users = *config.mutable_linux()
                                   ->mutable_security_context()
                                   ->mutable_namespace_options()
                                   ->mutable_userns_options();
  users.set_mode(cri::POD);
  for (cri::IDMapping* mapping : {users.add_uids(), users.add_gids()}) {
    mapping->set_host_id(200'000);
    mapping->set_length(65'536);
  }
  const base::Result<std::string> id = runtime_->RunPodSandbox(config, "");
  EXPECT_TRUE(id.ok()) << (id.ok() ? "" : id.error().message());
  return id.ok() ? *id : "";
}

void SecurityCase::OpenToOwners() { ASSERT_EQ(chmod(dir_.path().c_str(), 0711), 0); }

std::optional<std::string> SecurityCase::Says(const std::string& pod, cri::ContainerConfig config) {
  const std::string log = fmt::format("says/{}.log", attempts_++);
  config.set_log_path(log);
  const base::Result<std::string> id = runtime_->CreateContainer(pod, config);
  if (!id.ok()) return std::nullopt;
  std::optional<std::string> said;
  if (runtime_->StartContainer(*id).ok()) {
    (void)WaitForExit(*id);
    EXPECT_TRUE(runtime_->RemoveContainer(*id).ok());  // its log is whole then
    const base::Result<cri_server::SandboxView> view = runtime_->GetSandbox(pod);
    std::string text;
    const std::string file = os::ReadFile(view->config.log_directory() + "/" + log).ValueOr("");
    for (const std::string_view line : base::Split(std::string_view(file), '\n')) {
      // TIME STREAM F TEXT
      size_t at = 0;
      for (int i = 0; i < 3 && at != std::string_view::npos; ++i) at = line.find(' ', at + 1);
      if (at != std::string_view::npos) text += std::string(line.substr(at + 1)) + "\n";
    }
    said = text;
  } else {
    EXPECT_TRUE(runtime_->RemoveContainer(*id).ok());
  }
  return said;
}

std::string SecurityCase::Refusal(const std::string& pod, const cri::ContainerConfig& config) {
  const base::Result<std::string> id = runtime_->CreateContainer(pod, config);
  if (!id.ok()) return std::string(id.error().message());
  const base::Status started = runtime_->StartContainer(*id);
  EXPECT_TRUE(runtime_->RemoveContainer(*id).ok());
  return started.ok() ? "" : std::string(started.error().message());
}

std::string SecurityCase::Out(const std::string& id, const std::string& script) {
  const base::Result<cri_server::ExecOutput> done =
      runtime_->ExecSync(id, {"sh", "-c", script + " 2>&1"}, std::chrono::seconds(300));
  EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message());
  return done.ok() ? std::string(base::Trim(done->out)) : "";
}

cri::ContainerConfig SecurityCase::Next(const std::string& script) {
  cri::ContainerConfig config = Script("n", script);
  config.mutable_metadata()->set_attempt(attempts_++);
  return config;
}

}  // namespace keelson::security_tests
