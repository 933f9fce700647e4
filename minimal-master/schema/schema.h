// SPDX-License-Identifier: Apache-2.0
// Every Kubernetes type and resource that the control plane serves, as one read-only object made at
// build time (generate.py) from the tables in data/. No parsing at start, no heap; everything lives
// as long as the program; any thread. What a field is called, in which order and with which zero
// values it is written, how it travels as protobuf, and how lists and maps are merged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace keelson::schema {

enum class Shape : uint8_t {
  kStruct,
  kList,
  kMap,  // keys are strings
  kString,
  kBool,
  kInt32,
  kInt64,
  kDouble,
  kBytes,        // base64 in JSON
  kQuantity,     // a string; written canonically
  kTime,         // RFC 3339, seconds
  kMicroTime,    // RFC 3339, microseconds
  kDuration,     // "1m30s"
  kIntOrString,  // int32 or string
  kAny,          // JSON kept as it is: RawExtension, FieldsV1
  // apiextensions' unions of a JSONSchemaProps (Element()) with something else.
  kAnyJson,          // any JSON value
  kSchemaOrBool,     // a schema or true/false
  kSchemaOrSchemas,  // a schema or a list of schemas
  kSchemaOrStrings,  // a schema or a list of strings
};

enum class ListType : uint8_t { kNone, kAtomic, kSet, kMap };
enum class MapType : uint8_t { kNone, kAtomic, kGranular };

namespace table {
extern const char kText[];
}  // namespace table

// A string of the table.
struct Text {
  uint32_t at;
  uint32_t size;
  std::string_view view() const { return {table::kText + at, size}; }
};

// A list of strings of the table, for range-for.
class TextList {
 public:
  TextList(const Text* first, size_t count) : first_(first), count_(count) {}
  class Iterator {
   public:
    explicit Iterator(const Text* at) : at_(at) {}
    std::string_view operator*() const { return at_->view(); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    friend bool operator==(Iterator a, Iterator b) { return a.at_ == b.at_; }

   private:
    const Text* at_;
  };
  Iterator begin() const { return Iterator(first_); }
  Iterator end() const { return Iterator(first_ + count_); }
  size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  std::string_view operator[](size_t i) const { return first_[i].view(); }
  bool Contains(std::string_view s) const;

 private:
  const Text* first_;
  size_t count_;
};

// A range of rows of the table, for range-for.
template <typename Row>
class Rows {
 public:
  Rows(const Row* first, size_t count) : first_(first), count_(count) {}
  const Row* begin() const { return first_; }
  const Row* end() const { return first_ + count_; }
  size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  const Row& operator[](size_t i) const { return first_[i]; }

 private:
  const Row* first_;
  size_t count_;
};

class Field;

// What a value may be. Equal types are one object: compare addresses.
class Type {
 public:
  Shape shape() const { return shape_; }
  bool IsStruct() const { return shape_ == Shape::kStruct; }
  bool IsList() const { return shape_ == Shape::kList; }
  bool IsMap() const { return shape_ == Shape::kMap; }
  // As upstream's messages name it: "v1.Container", "[]v1.Container", "map[string]string", "int32".
  std::string_view go_name() const { return go_name_.view(); }
  std::string_view short_name() const;  // "Container"
  // "io.k8s.api.core.v1.Container"; empty for scalars, lists and maps.
  std::string_view openapi_name() const { return openapi_name_.view(); }
  // Of lists, maps and the unions with a schema; else null.
  const Type* Element() const;
  // Of structs, in the order in which upstream writes them; embedded structs are flattened.
  Rows<Field> fields() const;
  const Field* Find(std::string_view json_name) const;
  // A struct that server-side apply replaces as a whole.
  MapType map_type() const { return map_type_; }
  // As protobuf the list is a message of its own with `repeated items = 1`.
  bool wrapped() const { return wrapped_; }
  // Where this is an object of the API (has a kind), the kind; else empty.
  std::string_view kind() const { return kind_.view(); }

  // Rows are written by generate.py only.
  Shape shape_;
  MapType map_type_;
  bool wrapped_;
  uint16_t element_;  // 0xffff: none
  uint16_t first_field_;
  uint16_t field_count_;
  Text go_name_;
  Text openapi_name_;
  Text kind_;
};

class Field {
 public:
  std::string_view name() const { return name_.view(); }  // in JSON
  const Type& type() const;
  // Go's rules for zero values: see canonical.h.
  bool pointer() const { return flags_ & kPointer; }
  bool omitempty() const { return flags_ & kOmitEmpty; }
  bool omitzero() const { return flags_ & kOmitZero; }
  bool required() const { return flags_ & kRequired; }
  // The names of embedded Go structs on the way, each with a dot after it ("VolumeSource."), as
  // upstream's messages have them.
  std::string_view embedded() const { return embedded_.view(); }
  // Protobuf numbers from the struct's message down through embedded messages; the last is the
  // field's own. Empty: not in protobuf.
  Rows<uint8_t> protobuf() const { return {protobuf_, protobuf_count_}; }
  ListType list_type() const { return list_type_; }
  MapType map_type() const { return map_type_; }
  // Server-side apply replaces it as a whole: by the field's or its type's list or map type.
  bool atomic() const;
  TextList list_map_keys() const;
  bool patch_merge() const { return flags_ & kPatchMerge; }  // strategic merge patch
  bool patch_retain_keys() const { return flags_ & kPatchRetainKeys; }
  bool patch_replace() const { return flags_ & kPatchReplace; }
  std::string_view patch_merge_key() const { return patch_merge_key_.view(); }
  // The OpenAPI default as JSON text ("{}", "\"TCP\""); empty: none.
  std::string_view default_json() const { return default_.view(); }
  // Of the value, or of a list's items.
  TextList enums() const;
  std::string_view format() const { return format_.view(); }

  enum Flag : uint16_t {
    kPointer = 1,
    kOmitEmpty = 2,
    kOmitZero = 4,
    kRequired = 8,
    kPatchMerge = 16,
    kPatchRetainKeys = 32,
    kPatchReplace = 64,
  };
  // Rows are written by generate.py only.
  uint16_t flags_;
  uint16_t type_;
  ListType list_type_;
  MapType map_type_;
  uint8_t protobuf_count_;
  uint8_t protobuf_[5];
  uint16_t first_key_;
  uint16_t first_enum_;
  uint8_t key_count_;
  uint8_t enum_count_;
  Text name_;
  Text embedded_;
  Text patch_merge_key_;
  Text default_;
  Text format_;
};

namespace table {
extern const Type kTypes[];
extern const Field kFields[];
constexpr uint16_t kNone = 0xffff;
}  // namespace table

inline const Type* Type::Element() const {
  return element_ == table::kNone ? nullptr : &table::kTypes[element_];
}
inline Rows<Field> Type::fields() const { return {table::kFields + first_field_, field_count_}; }
inline const Type& Field::type() const { return table::kTypes[type_]; }

// The type of an object of the API, or null. Options of requests (DeleteOptions, PodExecOptions),
// Status and lists are objects too.
const Type* Find(std::string_view group, std::string_view version, std::string_view kind);
const Type* FindByOpenApiName(std::string_view name);
Rows<Type> Types();

// One group, version and kind of the table, sorted by them.
struct Kind {
  std::string_view group() const { return group_.view(); }
  std::string_view version() const { return version_.view(); }
  std::string_view kind() const { return kind_.view(); }
  const Type& type() const;

  Text group_;
  Text version_;
  Text kind_;
  uint16_t type_;
};
Rows<Kind> Kinds();
bool IsVersionServed(std::string_view group, std::string_view version);

}  // namespace keelson::schema
