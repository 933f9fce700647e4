// SPDX-License-Identifier: Apache-2.0
// The compiled descriptors against the table of CRI's wire facts, both ways: nothing missing,
// nothing more, every number and type.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "cri-api/calls.pb.h"
#include "cri-api/service.pb.h"
#include "lib/base/testing/places.h"

namespace keelson {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

std::string Local(const std::string& full) {
  return full.substr(std::string("runtime.v1.").size());
}

std::string TypeOf(const FieldDescriptor& field) {
  if (field.is_map()) {
    return "map<" + TypeOf(*field.message_type()->field(0)) + "," +
           TypeOf(*field.message_type()->field(1)) + ">";
  }
  if (field.type() == FieldDescriptor::TYPE_MESSAGE)
    return Local(field.message_type()->full_name());
  if (field.type() == FieldDescriptor::TYPE_ENUM) return Local(field.enum_type()->full_name());
  return field.type_name();
}

void AddEnum(const EnumDescriptor& type, std::set<std::string>& lines) {
  for (int i = 0; i < type.value_count(); ++i) {
    lines.insert("enum\t" + Local(type.full_name()) + "\t" + type.value(i)->name() + "\t" +
                 std::to_string(type.value(i)->number()));
  }
}

void AddMessage(const Descriptor& message, std::set<std::string>& lines) {
  if (message.field_count() == 0)
    lines.insert("message\t" + Local(message.full_name()) + "\t(empty)");
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    std::string line = "field\t" + Local(message.full_name()) + "\t" +
                       std::to_string(field.number()) + "\t" + field.name() + "\t" + TypeOf(field) +
                       "\t" + (field.is_repeated() && !field.is_map() ? "repeated" : "");
    if (field.options().deprecated()) line += "\tdeprecated";
    lines.insert(line);
  }
  for (int i = 0; i < message.enum_type_count(); ++i) AddEnum(*message.enum_type(i), lines);
}

void AddFile(const FileDescriptor& file, std::set<std::string>& lines,
             std::set<std::string>& seen) {
  if (!seen.insert(file.name()).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), lines, seen);
  for (int i = 0; i < file.message_type_count(); ++i) AddMessage(*file.message_type(i), lines);
  for (int i = 0; i < file.enum_type_count(); ++i) AddEnum(*file.enum_type(i), lines);
  for (int i = 0; i < file.service_count(); ++i) {
    for (int k = 0; k < file.service(i)->method_count(); ++k) {
      const auto& method = *file.service(i)->method(k);
      lines.insert("rpc\t" + file.service(i)->name() + "\t" + method.name() + "\t" +
                   method.input_type()->name() + "\t" + method.output_type()->name() + "\t" +
                   (method.server_streaming() ? "server_stream" : "unary"));
    }
  }
}

TEST(CriApi, CompiledDescriptorsAreTheTable) {
  const FileDescriptor* service =
      DescriptorPool::generated_pool()->FindFileByName("cri-api/service.proto");
  ASSERT_NE(service, nullptr);
  std::set<std::string> compiled;
  std::set<std::string> seen;
  AddFile(*service, compiled, seen);

  std::ifstream table(base::SourceDir() + "/cri-api/testdata/cri-v1.tsv");
  std::string line;
  size_t facts = 0;
  while (std::getline(table, line)) {
    if (line.empty() || line[0] == '#') continue;
    ++facts;
    EXPECT_TRUE(compiled.erase(line) == 1 ||
                compiled.erase(line.substr(0, line.find_last_not_of('\t') + 1)) == 1)
        << "missing: " << line;
  }
  EXPECT_GT(facts, 600u);
  for (const std::string& extra : compiled) ADD_FAILURE() << "not in the table: " << extra;
}

}  // namespace
}  // namespace keelson
