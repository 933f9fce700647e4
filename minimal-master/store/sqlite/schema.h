// SPDX-License-Identifier: Apache-2.0
// The tables of the store's file, its versions, and the steps between them.
//
//   <dir>/store.db       the database (application id 'Keel', user_version = the schema's version)
//   <dir>/store.db-wal   its write-ahead log, -shm its index
//   <dir>/store.db-answered  what was answered (commit_mark.h)
//   <dir>/lock           held (flock) by the process that has the store open
//
//   kv    key → rev of its last change, val, crc of all three            the current state
//   log   id = rev × 256 + place in its commit → key, what was there before it (prev_rev, prev:
//   null
//         for nothing), crc      undo: an event's value is the next one's prev, or the current
//         state
//   meta  name → number: base (no revision below it is given out any more), compacted (events up to
//         it are gone), clean (1: closed in order), written (Unix seconds, of a backup)
//   hole  low, high: revisions between them were lost or never given out (since version 2)
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "minimal-master/store/sqlite/database.h"
#include "minimal-master/store/store.h"

namespace keelson::store {

constexpr int kSchemaVersion = 2;
constexpr int kLogPlaces = 256;
static_assert(kMaxChanges <= kLogPlaces);

// Makes the tables in an empty file, upgrades an older one, refuses a newer one and what is none.
base::Status PrepareSchema(Database& database);
// As a version before this one left it, for going back to an older program.
base::Status StepBackSchema(Database& database, int version);
// Whether it is a store that this program can read, of any version up to ours.
base::Status CheckSchema(Database& database);

base::Result<int64_t> GetMeta(Database& database, std::string_view name);  // 0: never set
base::Status SetMeta(Database& database, std::string_view name, int64_t value);
using Holes = std::vector<std::pair<Revision, Revision>>;
base::Result<Holes> GetHoles(Database& database);
base::Status AddHole(Database& database, Revision low, Revision high);
// The highest that was given out, as far as the file knows.
base::Result<Revision> LastRevision(Database& database);

uint32_t RowSum(std::string_view key, Revision revision, std::string_view value);
uint32_t LogSum(int64_t id, std::string_view key, Revision revision, const Bytes& value);

}  // namespace keelson::store
