// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/files.h"

extern "C" {
extern const char keelson_page_html_begin[], keelson_page_html_end[];
extern const char keelson_page_css_begin[], keelson_page_css_end[];
extern const char keelson_page_js_begin[], keelson_page_js_end[];
extern const char keelson_page_icon_begin[], keelson_page_icon_end[];
}

namespace keelson::page {
namespace {

std::string_view Between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace

const File* FindFile(std::string_view name) {
  static const File kFiles[] = {
      {"", "text/html; charset=utf-8", Between(keelson_page_html_begin, keelson_page_html_end)},
      {"page.css", "text/css; charset=utf-8",
       Between(keelson_page_css_begin, keelson_page_css_end)},
      {"page.js", "text/javascript; charset=utf-8",
       Between(keelson_page_js_begin, keelson_page_js_end)},
      {"icon.svg", "image/svg+xml", Between(keelson_page_icon_begin, keelson_page_icon_end)}};
  for (const File& file : kFiles)
    if (file.name == name) return &file;
  return nullptr;
}

}  // namespace keelson::page
