// SPDX-License-Identifier: Apache-2.0
#include "cli/images.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/table.h"
#include "lib/base/strings.h"
#include "lib/json/value.h"

namespace keelson::cli {

using json::Value;

namespace {

constexpr size_t kShortId = 12;

std::string ShortId(const std::string& id) {
  const std::string_view digest = std::string_view(id).starts_with("sha256:")
                                      ? std::string_view(id).substr(7)
                                      : std::string_view(id);
  return std::string(digest.substr(0, kShortId));
}

template <typename Strings>
Value ToArray(const Strings& strings) {
  Value array = Value::Array();
  for (const std::string& text : strings) array.Append(Value(text));
  return array;
}

std::string AsJson(const std::vector<cri::Image>& images) {
  Value list = Value::Array();
  for (const cri::Image& image : images) {
    Value item = Value::Object();
    item.Set("id", Value(image.id()));
    item.Set("repoTags", ToArray(image.repo_tags()));
    item.Set("repoDigests", ToArray(image.repo_digests()));
    item.Set("size", Value(static_cast<int64_t>(image.size())));
    item.Set("pinned", Value(image.pinned()));
    list.Append(std::move(item));
  }
  return json::WriteJson(Value::Object({{"images", std::move(list)}}), true) + "\n";
}

// "default/web/main, …" of the containers made from the image.
std::string Users(const std::vector<cri::Container>& containers, const cri::Image& image) {
  std::vector<std::string> users;
  for (const cri::Container& container : containers) {
    const bool same = container.image_id() == image.id() || container.image_ref() == image.id() ||
                      std::find(image.repo_digests().begin(), image.repo_digests().end(),
                                container.image_ref()) != image.repo_digests().end();
    if (!same) continue;
    const auto label = [&container](const char* name) {
      const auto found = container.labels().find(name);
      return found == container.labels().end() ? std::string("?") : found->second;
    };
    users.push_back(label("io.kubernetes.pod.namespace") + "/" + label("io.kubernetes.pod.name") +
                    "/" + container.metadata().name());
  }
  return base::Join(users, ", ");
}

base::Status RemoveImage(const std::string& reference, bool force, Runtime& runtime) {
  ASSIGN_OR_RETURN(const cri::ImageStatusResponse status, runtime.client().ImageStatus(reference));
  if (!status.has_image()) return base::NotFound("no image '{}'; see keelson images", reference);
  if (!force) {
    ASSIGN_OR_RETURN(const std::vector<cri::Container> containers,
                     runtime.client().ListContainers());
    const std::string users = Users(containers, status.image());
    if (!users.empty())
      return base::FailedPrecondition("image '{}' is used by {}; --force removes it all the same",
                                      reference, users);
  }
  return runtime.client().RemoveImage(reference);
}

}  // namespace

std::pair<std::string, std::string> SplitTag(const std::string& name) {
  const size_t slash = name.rfind('/');
  const size_t colon = name.rfind(':');
  if (colon == std::string::npos || (slash != std::string::npos && colon < slash))
    return {name, "<none>"};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

std::string ImageTable(const std::vector<cri::Image>& images, bool wide) {
  std::vector<std::vector<std::string>> rows;
  for (const cri::Image& image : images) {
    const std::string digest =
        image.repo_digests().empty()
            ? "<none>"
            : image.repo_digests(0).substr(image.repo_digests(0).find('@') + 1);
    std::vector<std::pair<std::string, std::string>> names;
    for (const std::string& tag : image.repo_tags()) names.push_back(SplitTag(tag));
    if (names.empty()) {
      names.emplace_back(image.repo_digests().empty()
                             ? "<none>"
                             : image.repo_digests(0).substr(0, image.repo_digests(0).find('@')),
                         "<none>");
    }
    for (const auto& [name, tag] : names) {
      std::vector<std::string> row = {name, tag, wide ? image.id() : ShortId(image.id()),
                                      FormatBytes(image.size())};
      if (wide) row.push_back(digest);
      rows.push_back(std::move(row));
    }
  }
  std::sort(rows.begin(), rows.end());
  Table table(wide ? std::vector<std::string>{"IMAGE", "TAG", "IMAGE ID", "SIZE", "DIGEST"}
                   : std::vector<std::string>{"IMAGE", "TAG", "IMAGE ID", "SIZE"});
  for (std::vector<std::string>& row : rows) table.Add(std::move(row));
  return table.Text();
}

base::Status Images(const std::string& output, Runtime& runtime, const Console& console) {
  RETURN_IF_ERROR(runtime.Answers());
  const base::Result<std::vector<cri::Image>> images = runtime.client().ListImages();
  if (!images.ok()) return runtime.ForPeople(images.error());
  console.out << (output == "json" ? AsJson(*images) : ImageTable(*images, output == "wide"));
  return {};
}

base::Status Pull(const std::string& reference, Runtime& runtime, const Console& console) {
  RETURN_IF_ERROR(runtime.Answers());
  console.err << "pulling " << reference << std::endl;
  cri::ImageSpec image;
  image.set_image(reference);
  const base::Result<std::string> id = runtime.client().PullImage(image, nullptr, {}, {});
  if (!id.ok()) return runtime.ForPeople(id.error());
  console.out << *id << "\n";
  return {};
}

base::Status RemoveImages(const std::vector<std::string>& references, bool force, Runtime& runtime,
                          const Console& console) {
  RETURN_IF_ERROR(runtime.Answers());
  std::vector<std::string> errors;
  base::Code code = base::Code::kUnknown;
  for (const std::string& reference : references) {
    const base::Status removed = RemoveImage(reference, force, runtime);
    if (removed.ok()) {
      console.out << "removed " << reference << "\n";
    } else {
      const base::Error error = runtime.ForPeople(removed.error());
      errors.push_back(error.message());
      code = error.code();
    }
  }
  if (errors.empty()) return {};
  return base::Error(code, base::Join(errors, "\n"));
}

}  // namespace keelson::cli
