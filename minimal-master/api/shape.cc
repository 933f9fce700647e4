// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/shape.h"

#include <fmt/format.h>

#include "lib/json/text.h"
#include "minimal-master/conversion/conversion.h"
#include "minimal-master/defaults/defaults.h"
#include "minimal-master/schema/canonical.h"
#include "minimal-master/storage/storage.h"
#include "minimal-master/table/table.h"
#include "minimal-master/table/text.h"

namespace keelson::api {
namespace {

using json::Value;
using service::Buffer;

std::string ApiVersion(const schema::Resource& resource) {
  return resource.group().empty() ? std::string(resource.version())
                                  : fmt::format("{}/{}", resource.group(), resource.version());
}

status::Or<std::string> IncludeOf(const service::Fields& query) {
  const std::string* include = service::FindField(query, "includeObject");
  if (include == nullptr || include->empty()) return std::string("Metadata");
  if (*include == "None" || *include == "Object" || *include == "Metadata") return *include;
  return status::BadRequest(fmt::format(
      "Unable to convert to Table as requested: includeObject: Invalid value: {}: must be "
      "'Metadata', 'Object', 'None', or empty",
      json::Quote(*include)));
}

Value Column(std::string_view name, std::string_view type, std::string_view format, int priority) {
  Value entry;
  entry.Set("name", Value(name));
  entry.Set("type", Value(type));
  entry.Set("format", Value(format));
  entry.Set("description", Value(""));
  entry.Set("priority", Value(priority));
  return entry;
}

Value Columns(const schema::Resource& resource) {
  Value columns = Value::Array();
  for (const schema::Column& column : resource.columns())
    columns.Append(Column(column.name(), column.type(), column.format(), column.priority()));
  return columns;
}

Value Partial(const Value& object, const std::string& version) {
  Value out;
  out.Set("kind", Value("PartialObjectMetadata"));
  out.Set("apiVersion", Value("meta.k8s.io/" + version));
  out.Set("metadata", object.At({"metadata"}));
  return out;
}

Value TableRow(table::Row row, const Value& object, const Form& form, const std::string& include) {
  Value out;
  out.Set("cells", Value::Array(std::move(row.cells)));
  if (!row.conditions.empty()) out.Set("conditions", Value::Array(std::move(row.conditions)));
  if (include == "Object")
    out.Set("object", object);
  else if (include == "Metadata")
    out.Set("object", Partial(object, form.as_version));
  return out;
}

Value TableRow(const schema::Resource& resource, const Value& object, const Form& form,
               const std::string& include, int64_t now_nanos) {
  return TableRow(table::RowOf(resource.group(), resource.kind(), object, now_nanos), object, form,
                  include);
}

Value EmptyTable(const Form& form) {
  Value out;
  out.Set("kind", Value("Table"));
  out.Set("apiVersion", Value("meta.k8s.io/" + form.as_version));
  out.Set("metadata", Value::Object());
  return out;
}

Value ListMetadata(const ListPage& page) {
  Value metadata = Value::Object();
  metadata.Set("resourceVersion", Value(std::to_string(page.revision)));
  if (!page.resume.empty()) metadata.Set("continue", Value(page.resume));
  if (page.remaining) metadata.Set("remainingItemCount", Value(*page.remaining));
  return metadata;
}

Value Read(const schema::Resource& resource, std::string_view bytes) {
  const base::Result<Value> value = json::ParseJson(InVersion(resource, bytes));
  return value.ok() ? *value : Value();
}

Buffer Shared(const store::Bytes& bytes) {
  auto owner = std::make_shared<const store::Bytes>(bytes);
  const std::string_view view = owner->view();
  return Buffer(std::move(owner), view);
}

status::Failure ListAsPartial(const schema::Resource& resource, bool list) {
  status::Failure failure;
  failure.code = 406;
  failure.reason = "NotAcceptable";
  failure.message =
      list
          ? fmt::format(
                "you requested PartialObjectMetadata, but the requested object is a list "
                "(*{}.{}List)",
                resource.group().empty() ? "core" : std::string(resource.group()), resource.kind())
          : fmt::format(
                "you requested PartialObjectMetadataList, but the requested object is not "
                "a list (*{}.{})",
                resource.group().empty() ? "core" : std::string(resource.group()), resource.kind());
  return failure;
}

}  // namespace

std::string InVersion(const schema::Resource& resource, std::string_view stored) {
  if (&storage::StoredAs(resource) == &resource) return std::string(stored);
  const base::Result<Value> value = json::ParseJson(stored);
  if (!value.ok()) return std::string(stored);
  return schema::WriteCanonical(
      conversion::FromStored(resource.group(), resource.version(), resource.kind(), *value),
      resource.type());
}

std::string AsStored(const schema::Resource& resource, json::Value object) {
  const schema::Resource& stored = storage::StoredAs(resource);
  if (&stored == &resource) return schema::WriteCanonical(object, resource.type());
  object = conversion::ToStored(resource.group(), resource.version(), resource.kind(),
                                std::move(object));
  defaults::Apply(stored.group(), stored.version(), stored.kind(), object);
  return schema::WriteCanonical(object, stored.type());
}

status::Or<std::string> ShapeObject(const Route& route, const Form& form,
                                    const service::Fields& query, std::string json,
                                    int64_t now_nanos) {
  const schema::Resource& resource = *route.served;
  if (form.as == Form::As::kObject) return json;
  if (form.as == Form::As::kPartialList) return ListAsPartial(resource, false);
  const base::Result<Value> object = json::ParseJson(json);
  if (!object.ok()) return status::Internal(object.error().message());
  if (form.as == Form::As::kPartial) return json::WriteJson(Partial(*object, form.as_version));
  const status::Or<std::string> include = IncludeOf(query);
  if (!include.ok()) return include.failure();
  Value out = EmptyTable(form);
  out.Find("metadata")->Set("resourceVersion", object->At({"metadata", "resourceVersion"}));
  out.Set("columnDefinitions", Columns(resource));
  out.Set("rows", Value::Array({TableRow(resource, *object, form, *include, now_nanos)}));
  return json::WriteJson(out);
}

status::Or<std::string> ShapeScale(const Form& form, const service::Fields& query,
                                   const Value& scale, int64_t now_nanos) {
  if (form.as == Form::As::kPartial) return json::WriteJson(Partial(scale, form.as_version));
  if (form.as != Form::As::kTable) {
    return schema::WriteCanonical(scale, *schema::Find("autoscaling", "v1", "Scale"));
  }
  const status::Or<std::string> include = IncludeOf(query);
  if (!include.ok()) return include.failure();
  table::Row row;
  row.cells = {scale.At({"metadata", "name"}), scale.At({"spec", "replicas"}),
               scale.At({"status", "replicas"}), Value(table::Age(scale, now_nanos))};
  Value out = EmptyTable(form);
  out.Find("metadata")->Set("resourceVersion", scale.At({"metadata", "resourceVersion"}));
  out.Set("columnDefinitions",
          Value::Array({Column("Name", "string", "name", 0), Column("Desired", "integer", "", 0),
                        Column("Available", "integer", "", 0), Column("Age", "string", "", 0)}));
  out.Set("rows", Value::Array({TableRow(std::move(row), scale, form, *include)}));
  return json::WriteJson(out);
}

status::Or<Answer> ShapeList(const Route& route, const Form& form, const service::Fields& query,
                             const std::vector<watch::ObjectPtr>& objects, const ListPage& page,
                             int64_t now_nanos) {
  const schema::Resource& resource = *route.served;
  if (form.as == Form::As::kPartial) return ListAsPartial(resource, true);
  if (form.as == Form::As::kTable) {
    const status::Or<std::string> include = IncludeOf(query);
    if (!include.ok()) return include.failure();
    Value out = EmptyTable(form);
    out.Set("metadata", ListMetadata(page));
    out.Set("columnDefinitions", Columns(resource));
    Value rows = Value::Array();
    for (const watch::ObjectPtr& object : objects)
      rows.Append(
          TableRow(resource, Read(resource, object->bytes().view()), form, *include, now_nanos));
    out.Set("rows", std::move(rows));
    return Encoded(200, form, json::WriteJson(out));
  }
  if (form.as == Form::As::kPartialList) {
    Value out;
    out.Set("kind", Value("PartialObjectMetadataList"));
    out.Set("apiVersion", Value("meta.k8s.io/" + form.as_version));
    out.Set("metadata", ListMetadata(page));
    Value items = Value::Array();
    for (const watch::ObjectPtr& object : objects)
      items.Append(Partial(Read(resource, object->bytes().view()), form.as_version));
    out.Set("items", std::move(items));
    return Encoded(200, form, json::WriteJson(out));
  }
  std::string head =
      fmt::format(R"({{"kind":"{}List","apiVersion":"{}","metadata":{},"items":[)", resource.kind(),
                  ApiVersion(resource), json::WriteJson(ListMetadata(page)));
  if (form.yaml) {
    for (size_t i = 0; i < objects.size(); ++i) {
      if (i != 0) head += ',';
      head += InVersion(resource, objects[i]->bytes().view());
    }
    return Encoded(200, form, head + "]}");
  }
  Answer answer;
  answer.body.reserve(objects.size() * 2 + 2);
  answer.body.emplace_back(std::move(head));
  const bool as_stored = &storage::StoredAs(resource) == &resource;
  for (size_t i = 0; i < objects.size(); ++i) {
    if (i != 0) answer.body.push_back(Buffer::Static(","));
    answer.body.push_back(as_stored ? Shared(objects[i]->bytes())
                                    : Buffer(InVersion(resource, objects[i]->bytes().view())));
  }
  answer.body.push_back(Buffer::Static("]}\n"));
  return answer;
}

status::Or<EventShaper> EventShaper::For(const Route& route, const Form& form,
                                         const service::Fields& query) {
  EventShaper shaper;
  shaper.resource_ = route.served;
  shaper.form_ = form;
  const status::Or<std::string> include = IncludeOf(query);
  if (form.as == Form::As::kTable) {
    if (!include.ok()) return include.failure();
    shaper.include_ = *include;
  }
  return shaper;
}

std::vector<Buffer> EventShaper::Event(std::string_view type, const watch::Object& object,
                                       int64_t now_nanos) {
  std::string head = fmt::format(R"({{"type":"{}","object":)", type);
  if (form_.as == Form::As::kObject && &storage::StoredAs(*resource_) == resource_)
    return {Buffer(std::move(head)), Shared(object.bytes()), Buffer::Static("}\n")};
  const Value value = Read(*resource_, object.bytes().view());
  if (form_.as == Form::As::kPartial) {
    head += json::WriteJson(Partial(value, form_.as_version));
  } else if (form_.as == Form::As::kTable) {
    Value table = EmptyTable(form_);
    table.Find("metadata")->Set("resourceVersion", value.At({"metadata", "resourceVersion"}));
    table.Set("columnDefinitions", columns_sent_ ? Value() : Columns(*resource_));
    columns_sent_ = true;
    table.Set("rows", Value::Array({TableRow(*resource_, value, form_, include_, now_nanos)}));
    head += json::WriteJson(table);
  } else {
    head += InVersion(*resource_, object.bytes().view());
  }
  head += "}\n";
  return {Buffer(std::move(head))};
}

std::string EventShaper::Bookmark(watch::Revision revision, bool initial_end) {
  Value metadata = Value::Object();
  metadata.Set("resourceVersion", Value(std::to_string(revision)));
  if (initial_end) {
    Value annotations;
    annotations.Set("k8s.io/initial-events-end", Value("true"));
    metadata.Set("annotations", std::move(annotations));
  }
  Value object;
  if (form_.as == Form::As::kTable) {
    object = EmptyTable(form_);
    object.Set("metadata", std::move(metadata));
    object.Set("columnDefinitions", columns_sent_ ? Value() : Columns(*resource_));
    object.Set("rows", Value::Array());
  } else {
    const bool partial = form_.as == Form::As::kPartial;
    object.Set("kind", Value(partial ? "PartialObjectMetadata" : resource_->kind()));
    object.Set("apiVersion",
               Value(partial ? "meta.k8s.io/" + form_.as_version : ApiVersion(*resource_)));
    object.Set("metadata", std::move(metadata));
  }
  Value event;
  event.Set("type", Value("BOOKMARK"));
  event.Set("object", std::move(object));
  return json::WriteJson(event) + "\n";
}

}  // namespace keelson::api
