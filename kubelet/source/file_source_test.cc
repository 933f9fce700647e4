// SPDX-License-Identifier: Apache-2.0
// Real folders, real inotify; the period is long, so that what is seen was told, but where a test
// says otherwise.
#include "kubelet/source/file_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>

#include "lib/base/fake_clock.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::source {
namespace {

std::string Manifest(const std::string& name, const std::string& image = "nginx:1",
                     const std::string& uid = "") {
  return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: " + name + "\n" +
         (uid.empty() ? "" : "  uid: " + uid + "\n") +
         "spec:\n  containers:\n  - name: a\n    image: " + image + "\n";
}

class FileSourceTest : public testing::Test {
 protected:
  FileSourceTest() { EXPECT_TRUE(os::MakeDir(folder_, 0755).ok()); }
  void Begin(const std::string& path, std::chrono::seconds period = std::chrono::hours(1)) {
    source_.emplace(path, "node", period, clock_, [this](FileSet set) {
      const std::lock_guard lock(mutex_);
      set_ = std::move(set);
      changed_.notify_all();
    });
  }
  void Begin() { Begin(folder_); }
  std::string At(const std::string& name) const { return folder_ + "/" + name; }
  void Put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(os::WriteFileAtomic(At(name), text, 0644).ok());
  }
  // "web-node=nginx:1 …" in order of files, then "!" and the names of bad files.
  static std::string Summary(const FileSet& set) {
    std::string text;
    for (const kube::Pod& pod : set.pods)
      text += (text.empty() ? "" : " ") + pod.metadata.name + "=" + pod.spec.containers[0].image;
    for (const auto& [file, error] : set.errors) text += " !" + file.substr(file.rfind('/') + 1);
    return text;
  }
  // Waits until that is seen; what is seen at last.
  std::string Awaits(const std::string& summary) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::minutes(1),
                      [&] { return set_ && Summary(*set_) == summary; });
    return set_ ? Summary(*set_) : "(nothing)";
  }
  std::string ErrorOf(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = set_->errors.find(At(name));
    return found == set_->errors.end() ? "" : found->second;
  }

  const os::TempDir dir_ = os::TempDir::Create("keelson-manifests").value();
  const std::string folder_ = dir_.path() + "/m";
  base::ManualClock clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<FileSet> set_;  // guarded by mutex_
  std::optional<FileSource> source_;
};

TEST_F(FileSourceTest, ReadsEveryFileThatIsAManifest) {
  Put("b.yaml", Manifest("two"));
  Put("a", Manifest("one"));
  Put(".hidden.yaml", Manifest("hidden"));
  ASSERT_TRUE(os::MakeDir(At("below"), 0755).ok());
  Put("below/c.yaml", Manifest("below"));
  ASSERT_EQ(symlink("below/c.yaml", At("link.yaml").c_str()), 0);
  Begin();
  EXPECT_EQ(Awaits("one-node=nginx:1 two-node=nginx:1 below-node=nginx:1"),
            "one-node=nginx:1 two-node=nginx:1 below-node=nginx:1");
}

TEST_F(FileSourceTest, SeesFilesComeChangeAndGo) {
  Begin();
  EXPECT_EQ(Awaits(""), "");
  Put("web.yaml", Manifest("web"));
  EXPECT_EQ(Awaits("web-node=nginx:1"), "web-node=nginx:1");
  Put("web.yaml", Manifest("web", "nginx:2"));
  EXPECT_EQ(Awaits("web-node=nginx:2"), "web-node=nginx:2");
  {  // written in place
    const os::UniqueFd file = os::Open(At("web.yaml"), O_WRONLY | O_TRUNC).value();
    ASSERT_TRUE(os::WriteAll(file.get(), Manifest("web", "nginx:3")).ok());
  }
  EXPECT_EQ(Awaits("web-node=nginx:3"), "web-node=nginx:3");
  ASSERT_EQ(rename(At("web.yaml").c_str(), (dir_.path() + "/away.yaml").c_str()), 0);
  EXPECT_EQ(Awaits(""), "");
  ASSERT_EQ(rename((dir_.path() + "/away.yaml").c_str(), At("back.yaml").c_str()), 0);
  EXPECT_EQ(Awaits("web-node=nginx:3"), "web-node=nginx:3");
  ASSERT_EQ(unlink(At("back.yaml").c_str()), 0);
  EXPECT_EQ(Awaits(""), "");
}

TEST_F(FileSourceTest, ABadEditEndsNoPod) {
  Put("web.yaml", Manifest("web"));
  Begin();
  EXPECT_EQ(Awaits("web-node=nginx:1"), "web-node=nginx:1");
  Put("web.yaml", Manifest("web") + "  oops: 1\n");
  EXPECT_EQ(Awaits("web-node=nginx:1 !web.yaml"), "web-node=nginx:1 !web.yaml");
  EXPECT_NE(ErrorOf("web.yaml").find("line 9"), std::string::npos) << ErrorOf("web.yaml");
  Put("web.yaml", "");
  EXPECT_EQ(Awaits("web-node=nginx:1 !web.yaml"), "web-node=nginx:1 !web.yaml");
  Put("new.yaml", "not a pod");
  EXPECT_EQ(Awaits("web-node=nginx:1 !new.yaml !web.yaml"), "web-node=nginx:1 !new.yaml !web.yaml");
  Put("web.yaml", Manifest("web", "nginx:2"));
  EXPECT_EQ(Awaits("web-node=nginx:2 !new.yaml"), "web-node=nginx:2 !new.yaml");
  ASSERT_EQ(unlink(At("new.yaml").c_str()), 0);
  EXPECT_EQ(Awaits("web-node=nginx:2"), "web-node=nginx:2");
  // A bad file that goes is gone, with the pod that it held before.
  Put("web.yaml", "x");
  EXPECT_EQ(Awaits("web-node=nginx:2 !web.yaml"), "web-node=nginx:2 !web.yaml");
  ASSERT_EQ(unlink(At("web.yaml").c_str()), 0);
  EXPECT_EQ(Awaits(""), "");
}

TEST_F(FileSourceTest, TheFirstOfTwoOfOneNameOrUidIsThePod) {
  Put("a.yaml", Manifest("web", "nginx:1"));
  Put("b.yaml", Manifest("web", "nginx:2"));
  Put("c.yaml", Manifest("three", "nginx:3", "own"));
  Put("d.yaml", Manifest("four", "nginx:4", "own"));
  Begin();
  EXPECT_EQ(Awaits("web-node=nginx:1 three-node=nginx:3 !b.yaml !d.yaml"),
            "web-node=nginx:1 three-node=nginx:3 !b.yaml !d.yaml");
  EXPECT_NE(ErrorOf("b.yaml").find("already defined by " + At("a.yaml")), std::string::npos)
      << ErrorOf("b.yaml");
  EXPECT_NE(ErrorOf("d.yaml").find("already defined by " + At("c.yaml")), std::string::npos)
      << ErrorOf("d.yaml");
  ASSERT_EQ(unlink(At("a.yaml").c_str()), 0);
  EXPECT_EQ(Awaits("web-node=nginx:2 three-node=nginx:3 !d.yaml"),
            "web-node=nginx:2 three-node=nginx:3 !d.yaml");
}

TEST_F(FileSourceTest, ReadsNeitherPipesNorWhatIsTooLarge) {
  ASSERT_EQ(mkfifo(At("pipe.yaml").c_str(), 0666), 0);
  Put("large.yaml", std::string(FileSource::kLargestFile + 1, '#'));
  Put("web.yaml", Manifest("web"));
  ASSERT_EQ(symlink("nowhere", At("dangling.yaml").c_str()), 0);
  Begin();
  EXPECT_EQ(Awaits("web-node=nginx:1 !dangling.yaml !large.yaml !pipe.yaml"),
            "web-node=nginx:1 !dangling.yaml !large.yaml !pipe.yaml");
}

TEST_F(FileSourceTest, KeepsWhenAPodWasSeenWhileItsFileStays) {
  Put("web.yaml", Manifest("web"));
  Begin();
  const auto seen = [&] {
    const std::lock_guard lock(mutex_);
    return set_->pods[0].metadata.annotations.at("kubernetes.io/config.seen");
  };
  ASSERT_EQ(Awaits("web-node=nginx:1"), "web-node=nginx:1");
  const std::string first = seen();
  clock_.Advance(std::chrono::hours(1));
  Put("z.yaml", Manifest("z"));
  ASSERT_EQ(Awaits("web-node=nginx:1 z-node=nginx:1"), "web-node=nginx:1 z-node=nginx:1");
  EXPECT_EQ(seen(), first);
}

TEST_F(FileSourceTest, AwaitsAFolderThatIsNotThere) {
  const std::string later = dir_.path() + "/later";
  Begin(later);
  EXPECT_EQ(Awaits(""), "");
  ASSERT_TRUE(os::MakeDir(later, 0755).ok());
  ASSERT_TRUE(os::WriteFileAtomic(later + "/web.yaml", Manifest("web"), 0644).ok());
  EXPECT_EQ(Awaits("web-node=nginx:1"), "web-node=nginx:1");
  // It goes and comes back, another one.
  ASSERT_TRUE(os::RemoveTree(later).ok());
  EXPECT_EQ(Awaits(""), "");
  ASSERT_TRUE(os::MakeDir(later, 0755).ok());
  ASSERT_TRUE(os::WriteFileAtomic(later + "/web.yaml", Manifest("web", "nginx:2"), 0644).ok());
  EXPECT_EQ(Awaits("web-node=nginx:2"), "web-node=nginx:2");
  ASSERT_TRUE(os::WriteFileAtomic(later + "/web.yaml", Manifest("web", "nginx:3"), 0644).ok());
  EXPECT_EQ(Awaits("web-node=nginx:3"), "web-node=nginx:3");
}

TEST_F(FileSourceTest, TakesOneFileInPlaceOfAFolder) {
  Put("web.yaml", Manifest("web"));
  Put("other.yaml", Manifest("other"));
  Begin(At("web.yaml"));
  EXPECT_EQ(Awaits("web-node=nginx:1"), "web-node=nginx:1");
  Put("web.yaml", Manifest("web", "nginx:2"));  // another inode
  EXPECT_EQ(Awaits("web-node=nginx:2"), "web-node=nginx:2");
  Put("web.yaml", Manifest("web", "nginx:3"));
  EXPECT_EQ(Awaits("web-node=nginx:3"), "web-node=nginx:3");
  ASSERT_EQ(unlink(At("web.yaml").c_str()), 0);
  EXPECT_EQ(Awaits(""), "");
  Put("web.yaml", Manifest("web", "nginx:4"));
  EXPECT_EQ(Awaits("web-node=nginx:4"), "web-node=nginx:4");
}

TEST_F(FileSourceTest, LooksAgainEachPeriodWhereNothingIsTold) {
  // What a link leads to is changed elsewhere: no word of that comes from the folder.
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/target.yaml", Manifest("web"), 0644).ok());
  ASSERT_EQ(symlink("../target.yaml", At("web.yaml").c_str()), 0);
  Begin(folder_, std::chrono::seconds(1));
  EXPECT_EQ(Awaits("web-node=nginx:1"), "web-node=nginx:1");
  ASSERT_TRUE(
      os::WriteFileAtomic(dir_.path() + "/target.yaml", Manifest("web", "nginx:2"), 0644).ok());
  EXPECT_EQ(Awaits("web-node=nginx:2"), "web-node=nginx:2");
}

TEST_F(FileSourceTest, IsNotKeptFromReadingByAWriterThatNeverStops) {
  Begin();
  EXPECT_EQ(Awaits(""), "");
  std::atomic<int> written = 0;
  std::jthread writer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      (void)os::WriteFileAtomic(At(".busy"), "x", 0644);
      ++written;
      written.notify_all();
      (void)poll(nullptr, 0, 1);
    }
  });
  for (int seen = 0; seen < 10; seen = written) written.wait(seen);
  Put("web.yaml", Manifest("web"));
  EXPECT_EQ(Awaits("web-node=nginx:1"), "web-node=nginx:1");
}

}  // namespace
}  // namespace keelson::source
