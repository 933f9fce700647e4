// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer: every file of the corpus as it is, then changed copies from
// a seeded generator, so that a run can be repeated. Takes libFuzzer's spelling of its options and
// ignores those it does not know:
//   NAME_fuzz [-runs=N] [-seed=N] [-max_len=N] [-dict=FILE] [-timeout=SECONDS] FILE|FOLDER…
// An input that ends the process is left in crash-<target's pid>; given as the only argument it is
// run again.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
// The sanitizers' own name. NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

struct Options {
  uint64_t runs = 10'000;
  uint64_t seed = 1;
  size_t max_len = 4096;
  unsigned timeout = 60;
  std::string dictionary;
  std::vector<std::filesystem::path> inputs;
};

// xorshift64*: the same numbers on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 1) {}
  uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1DULL;
  }
  size_t Below(size_t limit) { return limit == 0 ? 0 : static_cast<size_t>(Next() >> 11) % limit; }

 private:
  uint64_t state_;
};

std::string g_input;
char g_crash_file[64];

void SaveInput() {
  const int fd = open(g_crash_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return;
  const ssize_t written = write(fd, g_input.data(), g_input.size());
  close(fd);
  constexpr std::string_view kText = "the input was left in ";
  if (written < 0 || write(2, kText.data(), kText.size()) < 0 ||
      write(2, g_crash_file, strlen(g_crash_file)) < 0 || write(2, "\n", 1) < 0)
    return;
}

void OnSignal(int signal) {
  SaveInput();
  struct sigaction plain = {};
  plain.sa_handler = SIG_DFL;
  sigaction(signal, &plain, nullptr);
  if (signal == SIGALRM) _exit(70);  // libFuzzer's status for a timeout
  raise(signal);
}

void CatchDeath() {
  snprintf(g_crash_file, sizeof g_crash_file, "crash-%d", static_cast<int>(getpid()));
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  for (const int signal : {SIGABRT, SIGALRM}) sigaction(signal, &action, nullptr);
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(SaveInput);
  } else {
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigaction(signal, &action, nullptr);
  }
}

void Run(const Options& options) {
  alarm(options.timeout);
  // A copy of the exact size, so that a read past the end is one past the allocation.
  const std::vector<uint8_t> exact(g_input.begin(), g_input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

// Lines of libFuzzer's form: name="text", with \xNN, \\ and \" in the text.
std::vector<std::string> ReadDictionary(const std::string& path) {
  std::vector<std::string> tokens;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t open = line.find('"');
    const size_t close = line.rfind('"');
    if (line.starts_with('#') || open == std::string::npos || close <= open) continue;
    std::string token;
    for (size_t i = open + 1; i < close; ++i) {
      if (line[i] != '\\' || i + 1 >= close) {
        token += line[i];
      } else if (line[i + 1] == 'x' && i + 3 < close) {
        unsigned value = 0;
        std::from_chars(&line[i + 2], &line[i + 4], value, 16);
        token += static_cast<char>(value);
        i += 3;
      } else {
        token += line[++i];
      }
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

void Change(std::string& text, const std::vector<std::string>& corpus,
            const std::vector<std::string>& tokens, Random& random) {
  const size_t at = random.Below(text.size() + 1);
  const size_t length =
      std::min(text.size() - at, 1 + random.Below(random.Below(4) == 0 ? 200 : 8));
  switch (random.Below(9)) {
    case 0:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << random.Below(8)));
      break;
    case 1:
      if (at < text.size()) text[at] = static_cast<char>(random.Next() >> 40);
      break;
    case 2:
      text.insert(at, 1, static_cast<char>(random.Next() >> 40));
      break;
    case 3:
      text.erase(at, length);
      break;
    case 4:
      text.insert(at, text.substr(random.Below(text.size() + 1), length));
      break;
    case 5: {  // a piece of another
      const std::string& other = corpus[random.Below(corpus.size())];
      text.replace(at, length, other.substr(random.Below(other.size() + 1), 1 + random.Below(100)));
      break;
    }
    case 6: {
      const std::string number =
          std::to_string(static_cast<int64_t>(random.Next()) >> random.Below(64));
      text.replace(at, length, number);
      break;
    }
    default:
      if (!tokens.empty())
        text.replace(at, random.Below(3) == 0 ? length : 0, tokens[random.Below(tokens.size())]);
  }
}

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const size_t equals = argument.find('=');
    if (!argument.starts_with('-')) {
      options.inputs.emplace_back(argument);
      continue;
    }
    const std::string_view name = argument.substr(1, equals - 1);
    const std::string_view value =
        equals == std::string_view::npos ? "" : argument.substr(equals + 1);
    uint64_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    if (name == "runs") options.runs = number;
    if (name == "seed") options.seed = number;
    if (name == "max_len") options.max_len = number;
    if (name == "timeout") options.timeout = static_cast<unsigned>(number);
    if (name == "dict") options.dictionary = value;
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  CatchDeath();
  std::vector<std::string> corpus;
  bool folders = false;
  for (const auto& input : options.inputs) {
    if (std::filesystem::is_directory(input)) {
      folders = true;
      std::vector<std::filesystem::path> files;
      for (const auto& entry : std::filesystem::directory_iterator(input)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
      }
      std::sort(files.begin(), files.end());
      for (const auto& file : files) corpus.push_back(ReadAll(file));
    } else if (std::filesystem::exists(input)) {
      corpus.push_back(ReadAll(input));
    }
  }
  corpus.emplace_back();  // nothing at all
  for (const std::string& text : corpus) {
    g_input = text;
    Run(options);
  }
  uint64_t changed = 0;
  if (folders) {
    const std::vector<std::string> tokens = ReadDictionary(options.dictionary);
    Random random(options.seed);
    for (; changed < options.runs; ++changed) {
      g_input = corpus[random.Below(corpus.size())];
      for (size_t n = 1 + random.Below(6); n > 0; --n) Change(g_input, corpus, tokens, random);
      if (g_input.size() > options.max_len) g_input.resize(options.max_len);
      Run(options);
    }
  }
  alarm(0);
  printf("%zu inputs of the corpus and %llu changed ones, seed %llu\n", corpus.size(),
         static_cast<unsigned long long>(changed), static_cast<unsigned long long>(options.seed));
  return 0;
}
