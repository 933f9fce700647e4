// SPDX-License-Identifier: Apache-2.0
// Changed documents: the input is a list of changes to a full pod (which value, what becomes of
// it), so that every input gets as far as the rules. Finds what changed texts, mostly refused by
// the reader, would not.
#include <fstream>
#include <iterator>

#include "lib/base/testing/places.h"
#include "tests/fuzz/pod_rules.h"

namespace {

using keelson::json::Value;

const Value& FullPod() {
  static const Value pod = [] {
    std::ifstream file(keelson::base::SourceDir() + "/tests/fuzz/corpus/pod/full.yaml");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    auto parsed = keelson::json::ParseYaml(text);
    const keelson::base::Result<keelson::kube::Pod> decoded =
        parsed.ok() ? keelson::kube::DecodePod(*parsed) : parsed.error();
    if (!decoded.ok()) {
      fprintf(stderr, "the pod to change is refused: %s\n", decoded.error().message().c_str());
      abort();
    }
    return std::move(parsed).value();
  }();
  return pod;
}

// Every value below `value`, in the order of the document.
void Collect(Value& value, std::vector<Value*>& out) {
  out.push_back(&value);
  for (Value& item : value.items()) Collect(item, out);
  for (auto& [key, member] : value.members()) Collect(member, out);
}

Value Replacement(uint8_t choice, const Value& old, const std::vector<Value*>& all) {
  static const std::vector<Value> kValues = [] {
    std::vector<Value> values = {Value(),
                                 Value(true),
                                 Value(false),
                                 Value(0),
                                 Value(1),
                                 Value(-1),
                                 Value(65536),
                                 Value(int64_t{1} << 40),
                                 Value(1.5),
                                 Value(INT64_MIN),
                                 Value(""),
                                 Value("x"),
                                 Value("a/b"),
                                 Value("../x"),
                                 Value("/x/../.."),
                                 Value("A_b"),
                                 Value("Always"),
                                 Value("Never"),
                                 Value("Localhost"),
                                 Value("-1Gi"),
                                 Value("2Mi"),
                                 Value("1e400"),
                                 Value("*"),
                                 Value("\xc3\xa9"),
                                 Value("a\nb"),
                                 Value("..x"),
                                 Value("metadata.labels['a']"),
                                 Value("limits.memory"),
                                 Value(std::string(300, 'a')),
                                 Value(std::string("a\0b", 3)),
                                 Value::Array(),
                                 Value::Object()};
    return values;
  }();
  if (choice < kValues.size()) return kValues[choice];
  if (choice < 100 || all.empty()) {
    Value list = Value::Array();
    list.Append(old);
    list.Append(old);
    return list;
  }
  return *all[choice % all.size()];  // another part of the document
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Value document = FullPod();
  for (size_t i = 0; i + 3 < size && i < 64; i += 4) {
    std::vector<Value*> values;
    Collect(document, values);
    if (values.size() > 5000) break;
    Value& target = *values[(data[i] | data[i + 1] << 8) % values.size()];
    const uint8_t detail = data[i + 3];
    switch (data[i + 2] % 4) {
      case 0:
        target = Value(Replacement(detail, target, values));
        break;
      case 1:  // one item or member less
        if (!target.items().empty())
          target.items().erase(target.items().begin() +
                               detail % static_cast<ptrdiff_t>(target.items().size()));
        if (!target.members().empty())
          target.Erase(std::string(target.members()[detail % target.members().size()].first));
        break;
      case 2:  // one item twice
        if (!target.items().empty())
          target.Append(Value(target.items()[detail % target.items().size()]));
        break;
      default:  // a member of another name
        if (!target.members().empty()) {
          const auto& names = target.members();
          const std::string name =
              names[detail / 16 % names.size()].first + (detail % 2 == 0 ? "x" : "");
          if (target.Find(name) == nullptr) target.members()[detail % names.size()].first = name;
        }
    }
  }
  keelson::fuzz::CheckDecoders(document, false);
  return 0;
}
