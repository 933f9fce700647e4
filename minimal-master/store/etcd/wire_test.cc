// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/etcd/wire.h"

#include <gtest/gtest.h>

#include "minimal-master/store/etcd/client.h"

namespace keelson::store {
namespace {

TEST(EtcdWire, ATransactionComparesWhatIsExpected) {
  const auto txn = ToTxn({{"/a", Bytes::Copy("1"), kAbsent},
                          {"/b", Bytes::Copy("2"), 7},
                          {"/c", Bytes::Copy("3"), kAny},
                          {"/d", {}, kAny}});
  EXPECT_EQ(txn.ShortDebugString(),
            "compare { target: MOD key: \"/a\" mod_revision: 0 } "
            "compare { target: MOD key: \"/b\" mod_revision: 7 } "
            "compare { result: GREATER target: MOD key: \"/d\" mod_revision: 0 } "
            "success { request_put { key: \"/a\" value: \"1\" } } "
            "success { request_put { key: \"/b\" value: \"2\" } } "
            "success { request_put { key: \"/c\" value: \"3\" } } "
            "success { request_delete_range { key: \"/d\" } } "
            "failure { request_range { key: \"/a\" keys_only: true } } "
            "failure { request_range { key: \"/b\" keys_only: true } } "
            "failure { request_range { key: \"/c\" keys_only: true } } "
            "failure { request_range { key: \"/d\" keys_only: true } }");
}

TEST(EtcdClient, ReadsEndpoints) {
  EXPECT_EQ(*ParseEndpoints("etcd://a:2379,b,[::1],[::1]:99"),
            (std::vector<std::string>{"a:2379", "b:2379", "[::1]:2379", "[::1]:99"}));
  EXPECT_EQ(*ParseEndpoints("https://a/, unix:///run/etcd.sock"),
            (std::vector<std::string>{"https://a:2379", "unix:///run/etcd.sock"}));
  EXPECT_FALSE(ParseEndpoints("etcd://").ok());
  EXPECT_FALSE(ParseEndpoints("a,,b").ok());
  EXPECT_FALSE(ParseEndpoints("ftp://a").ok());
}

}  // namespace
}  // namespace keelson::store
