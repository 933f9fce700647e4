// SPDX-License-Identifier: Apache-2.0
#include "runtime/unpack/pipeline.h"

#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "runtime/content/digest.h"
#include "runtime/unpack/decompress.h"

namespace keelson::unpack {
namespace {

using base::Error;
using base::Result;

constexpr size_t kBlockBytes = 512u << 10;
constexpr size_t kBlocksInFlight = 8;

using Block = std::shared_ptr<const std::string>;

// One producer, one consumer, few blocks. Abandon() by the consumer makes Push() return false;
// Close() by the producer ends it.
class BlockQueue {
 public:
  bool Push(Block block) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return blocks_.size() < kBlocksInFlight || abandoned_; });
    if (abandoned_) return false;
    blocks_.push_back(std::move(block));
    changed_.notify_all();
    return true;
  }
  void Close(std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    error_ = std::move(error);
    changed_.notify_all();
  }
  void Abandon() {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    blocks_.clear();
    changed_.notify_all();
  }
  Result<Block> Pop() {  // nullptr: the end
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !blocks_.empty() || closed_; });
    if (!blocks_.empty()) {
      Block block = std::move(blocks_.front());
      blocks_.pop_front();
      changed_.notify_all();
      return block;
    }
    if (error_) return *error_;
    return Block();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Block> blocks_;
  bool closed_ = false;
  bool abandoned_ = false;
  std::optional<Error> error_;
};

class FdSource final : public ByteSource {
 public:
  explicit FdSource(int fd) : fd_(fd) {}
  Result<size_t> Read(char* data, size_t size) override {
    for (;;) {
      const ssize_t n = read(fd_, data, size);
      if (n >= 0) return static_cast<size_t>(n);
      if (errno != EINTR) return Error::FromErrno(errno, "read the layer's stream");
    }
  }

 private:
  int fd_;
};

class QueueSource final : public ByteSource {
 public:
  explicit QueueSource(BlockQueue& queue) : queue_(queue) {}
  Result<size_t> Read(char* data, size_t size) override {
    while (offset_ == (block_ ? block_->size() : 0)) {
      ASSIGN_OR_RETURN(block_, queue_.Pop());
      offset_ = 0;
      if (!block_) return size_t{0};
    }
    const size_t n = std::min(size, block_->size() - offset_);
    std::memcpy(data, block_->data() + offset_, n);
    offset_ += n;
    return n;
  }

 private:
  BlockQueue& queue_;
  Block block_;
  size_t offset_ = 0;
};

void Inflate(int fd, uint64_t max_bytes, BlockQueue& to_hash, BlockQueue& to_archive) {
  FdSource source(fd);
  std::optional<Error> error;
  if (Result<std::unique_ptr<ByteSource>> plain = OpenCompressed(source, max_bytes); !plain.ok()) {
    error = plain.error();
  } else {
    for (;;) {
      auto block = std::make_shared<std::string>(kBlockBytes, '\0');
      const Result<size_t> n = ReadFull(**plain, block->data(), block->size());
      if (!n.ok()) error = n.error();
      if (!n.ok() || *n == 0) break;
      block->resize(*n);
      if (!to_hash.Push(block) || !to_archive.Push(std::move(block))) break;
    }
  }
  to_hash.Close(error);
  to_archive.Close(error);
}

Result<Extracted> Extract(BlockQueue& queue, const os::RootedDir& directory, const Budget& budget) {
  QueueSource source(queue);
  TarReader archive(source);
  Extractor extractor(directory, budget);
  ASSIGN_OR_RETURN(Extracted done, extractor.Run(archive));
  for (char scrap[4096];;) {
    ASSIGN_OR_RETURN(const size_t n, source.Read(scrap, sizeof scrap));
    if (n == 0) return done;
  }
}

}  // namespace

Result<Report> UnpackStream(int compressed_fd, const os::RootedDir& directory,
                            const Budget& budget) {
  BlockQueue to_hash, to_archive;
  Report report;
  std::jthread hasher([&] {
    content::Digester hash;
    for (;;) {
      const Result<Block> block = to_hash.Pop();
      if (!block.ok() || !*block) break;
      hash.Update(**block);
      report.uncompressed_bytes += (*block)->size();
    }
    report.diff_id = hash.Finish();
  });
  std::jthread inflater([&] { Inflate(compressed_fd, budget.max_bytes, to_hash, to_archive); });
  Result<Extracted> extracted = Extract(to_archive, directory, budget);
  if (!extracted.ok()) {
    to_archive.Abandon();
    to_hash.Abandon();
  }
  inflater.join();
  hasher.join();
  if (!extracted.ok()) return extracted.error();
  report.extracted = std::move(extracted).value();
  return report;
}

}  // namespace keelson::unpack
