// SPDX-License-Identifier: Apache-2.0
// Classes C and M: who can reach the runtime's sockets, and who can look into its folders.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "lib/os/socket.h"
#include "tests/security/security_case.h"

namespace keelson::security_tests {
namespace {

class ChannelCase : public SecurityCase {
 protected:
  std::vector<std::string> Sockets() const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             run_, std::filesystem::directory_options::skip_permission_denied)) {
      struct stat st{};
      if (lstat(entry.path().c_str(), &st) == 0 && S_ISSOCK(st.st_mode))
        paths.push_back(entry.path().string());
    }
    return paths;
  }
  // Whether user 65534 gets a connection; no folder on the way stops it.
  static bool NobodyConnects(const std::string& path) {
    const pid_t child = fork();
    if (child == 0) {
      if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(2);
      for (const int type : {SOCK_SEQPACKET, SOCK_STREAM}) {
        if (os::ConnectUnix(path, type).ok()) _exit(1);
      }
      _exit(0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 2);
    return WEXITSTATUS(status) == 1;
  }
};

using Cve_2020_15257 = ChannelCase;
TEST_F(Cve_2020_15257, APodInTheHostsNetworkFindsNoSocketOfOurs) {
  cri::PodSandboxConfig config = Pod("p");
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(
      cri::NODE);
  const std::string pod = runtime_->RunPodSandbox(config, "").value();
  Watch();
  cri::ContainerConfig container = Next("cat /proc/net/unix");
  SecurityOf(container).mutable_namespace_options()->set_network(cri::NODE);
  const auto said = Says(pod, container);
  ASSERT_TRUE(said);
  EXPECT_NE(said->find(run_ + "/cri.sock"), std::string::npos) << "it looks into the right network";
  for (const std::string_view line : base::Split(std::string_view(*said), '\n')) {
    const size_t at = line.rfind(' ');
    if (at != std::string_view::npos) {
      EXPECT_FALSE(line.substr(at + 1).starts_with('@')) << line;
    }
  }
}

using Cve_2024_41110 = ChannelCase;
TEST_F(Cve_2024_41110, SocketsAreRootsWhateverTheirFolders) {
  // No plugin decides who may ask: whoever can connect may, and that is root.
  (void)Start("p");
  Watch();
  const std::vector<std::string> sockets = Sockets();
  EXPECT_GE(sockets.size(), 2u);
  // Every folder on the way open, for the time of the look.
  std::vector<std::pair<std::string, mode_t>> folders;
  for (const std::string& path : sockets) {
    for (size_t at = 1; (at = path.find('/', at)) != std::string::npos; ++at) {
      const std::string folder = path.substr(0, at);
      struct stat st{};
      ASSERT_EQ(stat(folder.c_str(), &st), 0);
      folders.emplace_back(folder, st.st_mode & 07777);
      ASSERT_EQ(chmod(folder.c_str(), (st.st_mode & 07777) | 0111), 0);
    }
  }
  for (const std::string& path : sockets) {
    EXPECT_FALSE(NobodyConnects(path)) << path;
    struct stat st{};
    ASSERT_EQ(lstat(path.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u) << path;
  }
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder)
    EXPECT_EQ(chmod(folder->first.c_str(), folder->second), 0);
}

using Cve_2021_41103 = ChannelCase;
TEST_F(Cve_2021_41103, NobodyElseLooksIntoFoldersOfOurs) {
  const std::string id = Run(Start("p"), Script("c", "while true; do sleep 1; done"));
  Watch();
  // A folder is closed to others, or lies in one that is; the roots of both trees count as open.
  const std::function<void(const std::string&, int)> look = [&](const std::string& folder,
                                                                int depth) {
    for (const os::DirEntry& entry : os::ListDir(folder).value()) {
      const std::string path = folder + "/" + entry.name;
      struct stat st{};
      if (lstat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) continue;
      if ((st.st_mode & 0077) == 0) continue;
      EXPECT_EQ(st.st_mode & 0066, 0u) << path << " can be read or written by others";
      if (depth > 0) look(path, depth - 1);
    }
  };
  look(run_, 4);
  for (const char* below : {"/containers", "/pods", "/network", "/trash"}) {
    const std::string folder = dir_.path() + below;
    struct stat st{};
    if (stat(folder.c_str(), &st) != 0) continue;
    if ((st.st_mode & 0077) != 0) look(folder, 3);
    EXPECT_EQ(st.st_mode & 0066, 0u) << folder;
  }
}

}  // namespace
}  // namespace keelson::security_tests
