// SPDX-License-Identifier: Apache-2.0
#include "runtime/handlers/handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::handlers {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

TEST(Handlers, PatternsAreNamesWithStars) {
  struct Case {
    const char* pattern;
    const char* name;
    bool expected;
  };
  for (const Case& c : {
           Case{"a.b/c", "a.b/c", true},
           Case{"a.b/c", "a.b/cd", false},
           Case{"a*", "a", true},
           Case{"a*", "abc", true},
           Case{"a*", "ba", false},
           Case{"*", "", true},
           Case{"*/c", "a.b/c", true},
           Case{"a*c*e", "abcde", true},
           Case{"a*c*e", "abcdf", false},
           Case{"", "", true},
           Case{"", "a", false},
           Case{"a*bc", "abbbc", true},
           Case{"a.b", "axb", false},
       }) {
    EXPECT_EQ(Matches(c.pattern, c.name), c.expected) << c.pattern << " " << c.name;
  }
}

TEST(Handlers, FeaturesAreWhatTheProgramSays) {
  EXPECT_EQ(ReadFeatures(R"({"mountOptions":["ro","rro"],"linux":{"mountExtensions":
            {"idmap":{"enabled":true}}}})"),
            (Features{true, true}));
  EXPECT_EQ(ReadFeatures(R"({"mountOptions":["ro"],"linux":{}})"), (Features{false, false}));
  EXPECT_EQ(ReadFeatures("unknown command features"), (Features{}));
  EXPECT_EQ(ReadFeatures("[1]"), (Features{}));
}

TEST(Handlers, OnlyListedAnnotationsPassAndNoneSaysWhoTheContainerIs) {
  Handler handler;
  handler.settings = {"crun", "/usr/bin/crun", {"run.oci.*", "io.kubernetes.cri.*"}, false};
  const Annotations out =
      AnnotationsFor(handler,
                     {{"run.oci.a", "pod"},
                      {"other", "x"},
                      {"io.kubernetes.cri.sandbox-id", "forged"},
                      {"io.kubernetes.cri.container-type", "forged"}},
                     {{"run.oci.a", "container"}, {"run.oci.b", "2"}}, {.sandbox_id = "s1"});
  EXPECT_THAT(out, Contains(Pair("run.oci.a", "container")));
  EXPECT_THAT(out, Contains(Pair("run.oci.b", "2")));
  EXPECT_THAT(out, Contains(Pair("io.kubernetes.cri.sandbox-id", "s1")));
  EXPECT_THAT(out, testing::Not(Contains(Pair("io.kubernetes.cri.container-type", testing::_))));
  EXPECT_THAT(out, testing::Not(Contains(Pair("other", "x"))));
}

TEST(Handlers, AProgramThatCannotRunIsRefused) {
  const os::TempDir dir = std::move(os::TempDir::Create("keelson-handlers")).value();
  const base::Result<std::vector<Handler>> missing =
      Open({{"crun", dir.path() + "/crun", {}, false}});
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message(), HasSubstr("of handler 'crun' cannot be used: No such"));
  ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/text", "x", 0644).ok());
  const base::Result<std::vector<Handler>> text = Open({{"crun", dir.path() + "/text", {}, false}});
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.error().message(), HasSubstr("is no program that can be executed"));
}

TEST(Handlers, OneWithoutFeaturesIsUsedAndHasNone) {
  const os::TempDir dir = std::move(os::TempDir::Create("keelson-handlers")).value();
  ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/old", "#!/bin/sh\nexit 1\n", 0755).ok());
  ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/new",
                                  "#!/bin/sh\necho '{\"mountOptions\":[\"rro\"]}'\n", 0755)
                  .ok());
  const base::Result<std::vector<Handler>> handlers = Open({{"old", dir.path() + "/old", {}, false},
                                                            {"new", dir.path() + "/new", {}, false},
                                                            {"native", "", {}, true}});
  ASSERT_TRUE(handlers.ok()) << handlers.error().message();
  EXPECT_EQ(Find(*handlers, "old")->features, (Features{false, false}));
  EXPECT_EQ(Find(*handlers, "new")->features, (Features{true, false}));
  EXPECT_EQ(Find(*handlers, "native")->features, (Features{true, true}));
  EXPECT_EQ(Find(*handlers, "none"), nullptr);
}

}  // namespace
}  // namespace keelson::handlers
