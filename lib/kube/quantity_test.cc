// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/quantity.h"

#include <gtest/gtest.h>

namespace keelson::kube {
namespace {

TEST(Quantity, ReadsEveryForm) {
  const struct {
    const char* text;
    int64_t milli;
    int64_t units;
    const char* canonical;
  } cases[] = {
      {"0", 0, 0, "0"},
      {"1", 1000, 1, "1"},
      {"+1", 1000, 1, "1"},
      {"-1", -1000, -1, "-1"},
      {"1.", 1000, 1, "1"},
      {".5", 500, 1, "500m"},
      {"100m", 100, 1, "100m"},
      {"1500m", 1500, 2, "1500m"},
      {"1.5", 1500, 2, "1500m"},
      {"-1.5", -1500, -2, "-1500m"},
      {"1u", 1, 1, "1u"},
      {"1n", 1, 1, "1n"},
      {"0.0001", 1, 1, "100u"},
      {"0.1n", 1, 1, "1n"},
      {"-0.1n", -1, -1, "-1n"},
      {"1.0000000001", 1001, 2, "1000000001n"},
      {"3k", 3'000'000, 3000, "3k"},
      {"2M", 2'000'000'000, 2'000'000, "2M"},
      {"2G", 2'000'000'000'000, 2'000'000'000, "2G"},
      {"1T", 1'000'000'000'000'000, 1'000'000'000'000, "1T"},
      {"1P", 1'000'000'000'000'000'000, 1'000'000'000'000'000, "1P"},
      {"1E", INT64_MAX, 1'000'000'000'000'000'000, "1E"},
      {"1Ki", 1'024'000, 1024, "1Ki"},
      {"128Mi", 134'217'728'000, 134'217'728, "128Mi"},
      {"1024Mi", 1'073'741'824'000, 1'073'741'824, "1Gi"},
      {"1.5Gi", 1'610'612'736'000, 1'610'612'736, "1536Mi"},
      {"0.5Ki", 512'000, 512, "512"},
      {"0.1Gi", 107'374'182'400, 107'374'183, "107374182400m"},
      {"1Ti", 1'099'511'627'776'000, 1'099'511'627'776, "1Ti"},
      {"1Pi", 1'125'899'906'842'624'000, 1'125'899'906'842'624, "1Pi"},
      {"7Ei", INT64_MAX, 8'070'450'532'247'928'832, "7Ei"},
      {"1e3", 1'000'000, 1000, "1e3"},
      {"1E3", 1'000'000, 1000, "1e3"},
      {"12e6", 12'000'000'000, 12'000'000, "12e6"},
      {"5e-1", 500, 1, "500e-3"},
      {"1e-30", 1, 1, "1e-9"},
      {"1e+2", 100'000, 100, "100"},
      {"0e99999999999", 0, 0, "0"},
      {"0000000000000000000000000000000000001", 1000, 1, "1"},
      {"9223372036854775807", INT64_MAX, INT64_MAX, "9223372036854775807"},
  };
  for (const auto& c : cases) {
    const auto q = Quantity::Parse(c.text);
    ASSERT_TRUE(q.ok()) << c.text << ": " << q.error().message();
    EXPECT_EQ(q->MilliValue(), c.milli) << c.text;
    EXPECT_EQ(q->Value(), c.units) << c.text;
    EXPECT_EQ(q->Canonical(), c.canonical) << c.text;
    EXPECT_EQ(q->text(), c.text);
  }
}

TEST(Quantity, RefusesWhatIsNone) {
  for (const char* text : {"",
                           " 1",
                           "1 ",
                           "nope",
                           "1ZZ",
                           "1.5.5",
                           "--1",
                           "+",
                           ".",
                           "m",
                           "1mm",
                           "1K",
                           "1ki",
                           "1e",
                           "1e-",
                           "1ee3",
                           "1MiB",
                           "0x1",
                           "1,5",
                           "1e3Mi",
                           "1e100",
                           "8Ei",
                           "9223372036854775808",
                           "1e99999999999999999999"}) {
    EXPECT_FALSE(Quantity::Parse(text).ok()) << text;
  }
  EXPECT_EQ(Quantity::Parse("nope").error().message(),
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  EXPECT_FALSE(Quantity::Parse(std::string(100'000, '1')).ok());
}

TEST(Quantity, ComparesByAmount) {
  EXPECT_EQ(*Quantity::Parse("1024Mi"), *Quantity::Parse("1Gi"));
  EXPECT_EQ(*Quantity::Parse("0.1"), Quantity::FromMilli(100));
  EXPECT_LT(*Quantity::Parse("999m"), Quantity::FromUnits(1));
  EXPECT_GT(*Quantity::Parse("1n"), Quantity());
}

TEST(Quantity, AddsAndNamesTheSum) {
  EXPECT_EQ((*Quantity::Parse("512Mi") + *Quantity::Parse("512Mi")).text(), "1Gi");
  EXPECT_EQ((Quantity() + *Quantity::Parse("512Mi")).text(), "512Mi");
  EXPECT_EQ((*Quantity::Parse("100m") + *Quantity::Parse("900m")).text(), "1");
  EXPECT_EQ((*Quantity::Parse("7Ei") + *Quantity::Parse("7Ei")).Value(), INT64_MAX);
  EXPECT_EQ(Quantity::FromMilli(2500).text(), "2500m");
  EXPECT_EQ(Quantity::FromUnits(110).text(), "110");
  EXPECT_EQ(Quantity::FromUnits(2000).text(), "2k");
  EXPECT_EQ(Quantity::FromMilli(INT64_MIN).MilliValue(), INT64_MIN);
}

}  // namespace
}  // namespace keelson::kube
