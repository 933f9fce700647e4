// SPDX-License-Identifier: Apache-2.0
#include "lib/http/spdy/header_block.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "lib/http/spdy/dictionary.h"

namespace keelson::spdy {
namespace {

void PutString(std::string& out, std::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(size >> shift & 0xff);
  out += text;
}

// The 32-bit number in front, taken off; false where there is none.
bool TakeNumber(std::string_view& rest, uint32_t& number) {
  if (rest.size() < 4) return false;
  number = 0;
  for (size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<uint8_t>(rest[i]);
  rest.remove_prefix(4);
  return true;
}

bool TakeString(std::string_view& rest, std::string_view& text) {
  uint32_t size = 0;
  if (!TakeNumber(rest, size) || size > rest.size()) return false;
  text = rest.substr(0, size);
  rest.remove_prefix(size);
  return true;
}

const Bytef* AsBytes(std::string_view text) { return reinterpret_cast<const Bytef*>(text.data()); }

}  // namespace

std::string_view Find(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::string FormatBlock(const Headers& headers) {
  std::string out;
  const auto count = static_cast<uint32_t>(headers.size());
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(count >> shift & 0xff);
  for (const auto& [name, value] : headers) {
    PutString(out, name);
    PutString(out, value);
  }
  return out;
}

base::Result<Headers> ParseBlock(std::string_view block, size_t max_headers) {
  uint32_t count = 0;
  if (!TakeNumber(block, count)) return base::InvalidArgument("header block without a count");
  if (count > max_headers)
    return base::ResourceExhausted("{} headers, at most {} are taken", count, max_headers);
  Headers headers;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view value;
    if (!TakeString(block, name) || !TakeString(block, value))
      return base::InvalidArgument("header {} of {} is cut", i + 1, count);
    if (name.empty()) return base::InvalidArgument("header {} has no name", i + 1);
    for (const char c : name) {
      if (c <= ' ' || c > '~' || (c >= 'A' && c <= 'Z'))
        return base::InvalidArgument("the name of header {} is not in lower-case letters", i + 1);
    }
    if (std::any_of(headers.begin(), headers.end(), [&](const auto& h) { return h.first == name; }))
      return base::InvalidArgument("header '{}' comes twice", name);
    headers.emplace_back(name, value);
  }
  if (!block.empty()) return base::InvalidArgument("{} bytes after the last header", block.size());
  return headers;
}

struct HeaderCompressor::State {
  z_stream stream{};
};

HeaderCompressor::HeaderCompressor() : state_(std::make_unique<State>()) {
  const std::string& dictionary = Dictionary();
  // A window of 8 KiB and little memory: blocks are a few hundred bytes.
  KEELSON_CHECK(deflateInit2(&state_->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 13, 6,
                             Z_DEFAULT_STRATEGY) == Z_OK);
  KEELSON_CHECK(deflateSetDictionary(&state_->stream, AsBytes(dictionary),
                                     static_cast<uInt>(dictionary.size())) == Z_OK);
}

HeaderCompressor::~HeaderCompressor() { deflateEnd(&state_->stream); }

std::string HeaderCompressor::Compress(const Headers& headers) {
  const std::string block = FormatBlock(headers);
  z_stream& stream = state_->stream;
  stream.next_in = const_cast<Bytef*>(AsBytes(block));
  stream.avail_in = static_cast<uInt>(block.size());
  std::string out;
  char piece[1024];
  do {
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof piece;
    const int result = deflate(&stream, Z_SYNC_FLUSH);
    KEELSON_CHECK(result == Z_OK || result == Z_BUF_ERROR);
    out.append(piece, sizeof piece - stream.avail_out);
  } while (stream.avail_out == 0);
  return out;
}

struct HeaderDecompressor::State {
  z_stream stream{};
  bool broken = false;
};

HeaderDecompressor::HeaderDecompressor() : state_(std::make_unique<State>()) {
  KEELSON_CHECK(inflateInit(&state_->stream) == Z_OK);
}

HeaderDecompressor::~HeaderDecompressor() { inflateEnd(&state_->stream); }

base::Result<std::string> HeaderDecompressor::Decompress(std::string_view bytes, size_t max_bytes) {
  if (state_->broken) return base::FailedPrecondition("header compression is broken");
  state_->broken = true;  // until the block is whole
  z_stream& stream = state_->stream;
  stream.next_in = const_cast<Bytef*>(AsBytes(bytes));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  char piece[1024];
  do {
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof piece;
    int result = inflate(&stream, Z_SYNC_FLUSH);
    if (result == Z_NEED_DICT) {
      const std::string& dictionary = Dictionary();
      if (inflateSetDictionary(&stream, AsBytes(dictionary),
                               static_cast<uInt>(dictionary.size())) != Z_OK)
        return base::InvalidArgument("headers are compressed with another dictionary");
      result = inflate(&stream, Z_SYNC_FLUSH);
    }
    if (result != Z_OK && result != Z_BUF_ERROR)
      return base::InvalidArgument("headers cannot be decompressed: zlib says {}", result);
    out.append(piece, sizeof piece - stream.avail_out);
    if (out.size() > max_bytes)
      return base::ResourceExhausted("headers of more than {} bytes", max_bytes);
  } while (stream.avail_out == 0 || stream.avail_in > 0);
  state_->broken = false;
  return out;
}

}  // namespace keelson::spdy
