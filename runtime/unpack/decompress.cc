// SPDX-License-Identifier: Apache-2.0
#include "runtime/unpack/decompress.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <vector>

namespace keelson::unpack {
namespace {

using base::InvalidArgument;
using base::Result;

constexpr size_t kInputBytes = 256u << 10;
constexpr int kMaxZstdWindowLog = 27;  // 128 MiB: what zstd itself accepts without being asked

// The compressed side: a buffer that can be looked into before it is consumed.
class Input {
 public:
  explicit Input(ByteSource& source) : source_(source), buffer_(kInputBytes) {}
  // Makes at least one byte available unless the stream is at its end.
  Result<bool> Fill() {
    if (begin_ < end_) return true;
    begin_ = end_ = 0;
    ASSIGN_OR_RETURN(end_, source_.Read(buffer_.data(), buffer_.size()));
    return end_ > 0;
  }
  // As many of the first bytes as there are, at most four: for telling formats apart.
  Result<std::string_view> Peek() {
    while (end_ - begin_ < 4) {
      if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
      }
      ASSIGN_OR_RETURN(const size_t n, source_.Read(buffer_.data() + end_, buffer_.size() - end_));
      if (n == 0) break;
      end_ += n;
    }
    return std::string_view(data(), std::min<size_t>(size(), 4));
  }
  char* data() { return buffer_.data() + begin_; }
  size_t size() const { return end_ - begin_; }
  void Consume(size_t n) { begin_ += n; }

 private:
  ByteSource& source_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

class Plain final : public ByteSource {
 public:
  explicit Plain(Input input) : input_(std::move(input)) {}
  Result<size_t> Read(char* data, size_t size) override {
    ASSIGN_OR_RETURN(const bool more, input_.Fill());
    if (!more) return size_t{0};
    const size_t n = std::min(size, input_.size());
    std::memcpy(data, input_.data(), n);
    input_.Consume(n);
    return n;
  }

 private:
  Input input_;
};

class Gzip final : public ByteSource {
 public:
  explicit Gzip(Input input) : input_(std::move(input)) {
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP;
  }
  Result<size_t> Read(char* data, size_t size) override {
    while (!ended_) {
      if (state_.block_state == ISAL_BLOCK_FINISH) {
        RETURN_IF_ERROR(NextMember());
        continue;
      }
      ASSIGN_OR_RETURN(const bool more, input_.Fill());
      state_.next_in = reinterpret_cast<uint8_t*>(input_.data());
      state_.avail_in = static_cast<uint32_t>(input_.size());
      state_.next_out = reinterpret_cast<uint8_t*>(data);
      state_.avail_out = static_cast<uint32_t>(std::min<size_t>(size, 1u << 30));
      const uint32_t offered = state_.avail_out;
      const int code = isal_inflate(&state_);
      input_.Consume(input_.size() - state_.avail_in);
      if (code != ISAL_DECOMP_OK)
        return InvalidArgument("the gzip stream is damaged{}", Reason(code));
      const size_t made = offered - state_.avail_out;
      if (made > 0) return made;
      if (!more && state_.block_state != ISAL_BLOCK_FINISH)
        return InvalidArgument("the gzip stream is truncated");
    }
    return size_t{0};
  }

 private:
  static const char* Reason(int code) {
    switch (code) {
      case ISAL_INCORRECT_CHECKSUM:
        return ": its checksum does not match";
      case ISAL_UNSUPPORTED_METHOD:
        return ": its method is unknown";
      default:
        return "";
    }
  }
  // After one member: another, padding of zeros, or the end.
  base::Status NextMember() {
    ASSIGN_OR_RETURN(const std::string_view magic, input_.Peek());
    if (magic.size() >= 2 && magic[0] == '\x1f' && magic[1] == '\x8b') {
      isal_inflate_reset(&state_);
      state_.crc_flag = ISAL_GZIP;
      return base::Ok();
    }
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, input_.Fill());
      if (!more) break;
      for (size_t i = 0; i < input_.size(); ++i) {
        if (input_.data()[i] != 0)
          return InvalidArgument("the gzip stream goes on with something else after its end");
      }
      input_.Consume(input_.size());
    }
    ended_ = true;
    return base::Ok();
  }

  Input input_;
  inflate_state state_;
  bool ended_ = false;
};

class Zstd final : public ByteSource {
 public:
  explicit Zstd(Input input) : input_(std::move(input)), stream_(ZSTD_createDStream()) {
    KEELSON_CHECK(stream_ != nullptr);
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kMaxZstdWindowLog);
  }
  ~Zstd() override { ZSTD_freeDStream(stream_); }
  Result<size_t> Read(char* data, size_t size) override {
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, input_.Fill());
      if (!more && at_frame_end_) return size_t{0};
      ZSTD_inBuffer in{input_.data(), input_.size(), 0};
      ZSTD_outBuffer out{data, size, 0};
      const size_t code = ZSTD_decompressStream(stream_, &out, &in);
      if (ZSTD_isError(code))
        return InvalidArgument("the zstd stream is damaged: {}", ZSTD_getErrorName(code));
      input_.Consume(in.pos);
      if (in.pos > 0 || out.pos > 0) at_frame_end_ = code == 0;
      if (out.pos > 0) return out.pos;
      if (!more && !at_frame_end_) return InvalidArgument("the zstd stream is truncated");
    }
  }

 private:
  Input input_;
  ZSTD_DStream* stream_;
  bool at_frame_end_ = false;
};

class Budgeted final : public ByteSource {
 public:
  Budgeted(std::unique_ptr<ByteSource> source, uint64_t max_bytes)
      : source_(std::move(source)), max_(max_bytes) {}
  Result<size_t> Read(char* data, size_t size) override {
    ASSIGN_OR_RETURN(const size_t n, source_->Read(data, size));
    total_ += n;
    if (total_ > max_)
      return base::ResourceExhausted("the layer unpacks to more than its budget of {} bytes", max_);
    return n;
  }

 private:
  std::unique_ptr<ByteSource> source_;
  uint64_t max_;
  uint64_t total_ = 0;
};

bool IsZstd(std::string_view magic) {
  if (magic.size() < 4) return false;
  if (magic == std::string_view("\x28\xb5\x2f\xfd", 4)) return true;
  return (magic[0] & 0xf0) == 0x50 &&
         magic.substr(1) == std::string_view("\x2a\x4d\x18", 3);  // a skippable frame
}

}  // namespace

Result<std::unique_ptr<ByteSource>> OpenCompressed(ByteSource& compressed, uint64_t max_bytes) {
  Input input(compressed);
  ASSIGN_OR_RETURN(const std::string_view magic, input.Peek());
  std::unique_ptr<ByteSource> source;
  if (magic.size() >= 2 && magic[0] == '\x1f' && magic[1] == '\x8b') {
    source = std::make_unique<Gzip>(std::move(input));
  } else if (IsZstd(magic)) {
    source = std::make_unique<Zstd>(std::move(input));
  } else {
    source = std::make_unique<Plain>(std::move(input));
  }
  return std::unique_ptr<ByteSource>(std::make_unique<Budgeted>(std::move(source), max_bytes));
}

}  // namespace keelson::unpack
