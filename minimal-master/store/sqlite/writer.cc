// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/sqlite/writer.h"

#include <algorithm>
#include <unordered_map>

#include "lib/base/log.h"

namespace keelson::store {
namespace {

// More than can be given out and lost before the file is synced.
constexpr Revision kJump = 1'000'000;
constexpr int64_t kMostUnsynced = 100'000;
constexpr auto kSyncWithin = std::chrono::seconds(1);
constexpr auto kMarkEvery = std::chrono::seconds(10);
constexpr int64_t kTrimRows = 500;
constexpr size_t kReplayEvents = 1'000;

}  // namespace

base::Result<Writer> Writer::Open(const std::string& path, const WriterLimits& limits,
                                  const base::Clock& clock) {
  ASSIGN_OR_RETURN(Database database, Database::Open(path, Database::Mode::kCreate));
  RETURN_IF_ERROR(PrepareSchema(database));
  Writer writer(std::move(database), CommitMark::Open(path), limits, clock);
  RETURN_IF_ERROR(writer.Prepare());
  return writer;
}

base::Status Writer::Prepare() {
  // The log's file shrinks when it begins anew.
  RETURN_IF_ERROR(
      database_.Run(fmt::format("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = {}; "
                                "PRAGMA cache_size = -4096",
                                int64_t{limits_.most_wal_pages} * 4096)));
  ASSIGN_OR_RETURN(get_, database_.Prepare("SELECT rev, crc, val FROM kv WHERE key = ?1"));
  ASSIGN_OR_RETURN(put_, database_.Prepare("INSERT OR REPLACE INTO kv VALUES (?1, ?2, ?3, ?4)"));
  ASSIGN_OR_RETURN(erase_, database_.Prepare("DELETE FROM kv WHERE key = ?1"));
  ASSIGN_OR_RETURN(log_, database_.Prepare("INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5)"));
  ASSIGN_OR_RETURN(revision_, LastRevision(database_));
  if (revision_ < mark_.now().latest) {
    base::LogWarn("the last leases and events that were written are lost",
                  {{"from", revision_ + 1}, {"to", mark_.now().latest}});
  }
  ASSIGN_OR_RETURN(compacted_, GetMeta(database_, "compacted"));
  ASSIGN_OR_RETURN(const int64_t clean, GetMeta(database_, "clean"));
  ASSIGN_OR_RETURN(holes_, GetHoles(database_));
  if (clean == 0) {
    // Relaxed commits may be gone that somebody saw: their revisions are not given out again.
    jumped_ = {revision_, revision_ + kJump};
    holes_.push_back(*jumped_);
    revision_ += kJump;
  }
  next_ = revision_ + 1;
  marks_.push_back({clock_->Steady(), revision_});
  const base::Status marked = InTransaction([] { return base::Ok(); });
  // Nothing is committed before there is room for the mark: until then it would be opened the same.
  if (!marked.ok() && marked.error().code() == base::Code::kResourceExhausted) {
    base::LogWarn("the store finds no room on its disk, serving what is there",
                  {{"error", marked.error()}});
    return base::Ok();
  }
  if (marked.ok()) mark_.Committed(revision_, database_.wal_frames(), true);
  return marked;
}

base::Status Writer::Begin() {
  RETURN_IF_ERROR(database_.Run("BEGIN IMMEDIATE"));
  if (marked_) return base::Ok();
  if (jumped_) {
    RETURN_IF_ERROR(AddHole(database_, jumped_->first, jumped_->second));
    RETURN_IF_ERROR(SetMeta(database_, "base", jumped_->second));
  }
  return SetMeta(database_, "clean", 0);
}

base::Status Writer::Finish() {
  RETURN_IF_ERROR(database_.Run("COMMIT"));
  marked_ = true;
  return base::Ok();
}

// Whole or not at all.
base::Status Writer::InTransaction(const std::function<base::Status()>& work) {
  const auto run = [&]() -> base::Status {
    RETURN_IF_ERROR(Begin());
    RETURN_IF_ERROR(work());
    return Finish();
  };
  base::Status done = run();
  if (!done.ok() && database_.InTransaction()) (void)database_.Run("ROLLBACK");
  return done;
}

base::Status Writer::CommitOne(Item& item, Revision revision) {
  struct Before {
    Revision revision = kAbsent;
    Bytes value;
  };
  std::vector<Before> before(item.changes.size());
  for (size_t i = 0; i < item.changes.size(); ++i) {
    const Change& change = item.changes[i];
    const ResetAtEnd reset(get_);
    ASSIGN_OR_RETURN(bool there, get_.BindText(1, change.key).Step());
    // A damaged row is read by nobody: whoever makes its object anew writes over it.
    if (there && change.expected == kAbsent && change.value &&
        RowSum(change.key, get_.Int(0), get_.Blob(2)) != get_.Int(1))
      there = false;
    if (there) before[i] = {get_.Int(0), Bytes::Copy(get_.Blob(2))};
    if (change.expected != kAny && change.expected != before[i].revision) {
      item.error = MakeConflict(change.key, change.expected, before[i].revision);
    } else if (!change.value && !there) {
      item.error = base::NotFound("no key '{}'", change.key);
    }
    if (item.error) return base::Ok();
  }
  item.events.reserve(item.changes.size());
  for (size_t i = 0; i < item.changes.size(); ++i) {
    Change& change = item.changes[i];
    if (change.value) {
      RETURN_IF_ERROR(put_.BindText(1, change.key)
                          .Bind(2, revision)
                          .Bind(3, RowSum(change.key, revision, change.value.view()))
                          .BindBlob(4, change.value.view())
                          .Run());
    } else {
      RETURN_IF_ERROR(erase_.BindText(1, change.key).Run());
    }
    const int64_t id = revision * kLogPlaces + static_cast<int64_t>(i);
    log_.Bind(1, id).BindText(2, change.key).Bind(3, before[i].revision);
    if (before[i].value) {
      log_.BindBlob(4, before[i].value.view());
    } else {
      log_.BindNull(4);
    }
    log_.Bind(5, LogSum(id, change.key, before[i].revision, before[i].value));
    RETURN_IF_ERROR(log_.Run());
    item.events.push_back({revision, std::move(change.key), std::move(change.value),
                           std::move(before[i].value), before[i].revision});
  }
  item.revision = revision;
  return base::Ok();
}

base::Status Writer::CommitGroup(const std::vector<Item*>& group, bool durable) {
  durable = durable || !marked_ || unsynced_ >= kMostUnsynced;
  if (durable != durable_) {
    RETURN_IF_ERROR(
        database_.Run(durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"));
    durable_ = durable;
  }
  const auto work = [&]() -> base::Status {
    for (Item* item : group) {
      RETURN_IF_ERROR(CommitOne(*item, next_));
      if (!item->error) ++next_;
    }
    return base::Ok();
  };
  RETURN_IF_ERROR(InTransaction(work));
  for (const Item* item : group) revision_ = std::max(revision_, item->revision);
  mark_.Committed(revision_, database_.wal_frames(), durable);
  if (durable) {
    unsynced_ = 0;
  } else {
    if (unsynced_ == 0) unsynced_since_ = clock_->Steady();
    unsynced_ += static_cast<int64_t>(group.size());
  }
  return base::Ok();
}

base::Status Writer::CheckFrom(Revision from) const {
  if (from < compacted_) return MakeCompacted(from, compacted_);
  if (from > revision_) return base::InvalidArgument("revision {} is ahead of {}", from, revision_);
  for (const auto& [low, high] : holes_) {
    if (from > low && from < high) return MakeCompacted(from, high);
  }
  return base::Ok();
}

base::Status Writer::Replay(Revision from, const std::function<void(std::vector<Event>)>& each) {
  RETURN_IF_ERROR(CheckFrom(from));
  // The log says what was before each change: walked from its end, it gives what was after too.
  std::vector<Event> events;
  std::unordered_map<std::string, Bytes> after;
  ASSIGN_OR_RETURN(Statement rows,
                   database_.Prepare("SELECT id, key, prev_rev, prev, crc FROM log WHERE id >= ?1 "
                                     "ORDER BY id DESC"));
  rows.Bind(1, (from + 1) * kLogPlaces);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) break;
    Event event{rows.Int(0) / kLogPlaces, std::string(rows.Text(1)), {}, {}, rows.Int(2)};
    if (!rows.IsNull(3)) event.previous = Bytes::Copy(rows.Blob(3));
    if (LogSum(rows.Int(0), event.key, event.previous_revision, event.previous) != rows.Int(4)) {
      return base::DataLoss("the event of revision {} is damaged", event.revision);
    }
    auto [state, first] = after.try_emplace(event.key);
    if (first) {
      const ResetAtEnd reset(get_);
      ASSIGN_OR_RETURN(const bool there, get_.BindText(1, event.key).Step());
      if (there) state->second = Bytes::Copy(get_.Blob(2));
    }
    event.value = state->second;
    state->second = event.previous;
    events.push_back(std::move(event));
  }
  std::vector<Event> piece;
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (piece.size() >= kReplayEvents && piece.back().revision != event->revision) {
      each(std::exchange(piece, {}));
    }
    piece.push_back(std::move(*event));
  }
  if (!piece.empty()) each(std::move(piece));
  return base::Ok();
}

base::Result<Revision> Writer::RevisionBefore(int64_t events) {
  ASSIGN_OR_RETURN(Statement get,
                   database_.Prepare("SELECT id FROM log ORDER BY id DESC LIMIT 1 OFFSET ?1"));
  ASSIGN_OR_RETURN(const bool there, get.Bind(1, events).Step());
  return there ? std::max(compacted_, get.Int(0) / kLogPlaces) : compacted_;
}

base::Status Writer::TrimTo(Revision revision, int64_t rows) {
  ASSIGN_OR_RETURN(Statement last,
                   database_.Prepare("SELECT id FROM log ORDER BY id LIMIT 1 OFFSET ?1"));
  ASSIGN_OR_RETURN(const bool there, last.Bind(1, rows).Step());
  // Whole commits.
  if (there) revision = std::min(revision, last.Int(0) / kLogPlaces);
  last.Reset();
  const auto work = [&]() -> base::Status {
    RETURN_IF_ERROR(
        database_.Run(fmt::format("DELETE FROM log WHERE id < {}", (revision + 1) * kLogPlaces)));
    RETURN_IF_ERROR(database_.Run(fmt::format("DELETE FROM hole WHERE high <= {}", revision)));
    RETURN_IF_ERROR(SetMeta(database_, "compacted", revision));
    // The newest may be among what was deleted.
    return SetMeta(database_, "base", revision_);
  };
  RETURN_IF_ERROR(InTransaction(work));
  compacted_ = std::max(compacted_, revision);
  std::erase_if(holes_, [&](const auto& hole) { return hole.second <= revision; });
  return base::Ok();
}

base::Status Writer::Compact(Revision revision) {
  if (revision > revision_) {
    return base::InvalidArgument("revision {} is ahead of {}", revision, revision_);
  }
  while (compacted_ < revision) RETURN_IF_ERROR(TrimTo(revision, kTrimRows));
  return base::Ok();
}

// The revision so many commits back: holes are not counted.
Revision Writer::Back(int64_t commits) const {
  Revision at = revision_;
  for (auto hole = holes_.rbegin(); hole != holes_.rend() && at - commits < hole->second; ++hole) {
    commits -= at - hole->second;
    at = hole->first;
  }
  return at - commits;
}

// Up to where the log is too old or too long.
Revision Writer::TrimTarget() {
  const base::SteadyTime now = clock_->Steady();
  if (now - marks_.back().time >= kMarkEvery) marks_.push_back({now, revision_});
  Revision target = Back(limits_.max_log);
  while (marks_.size() > 1 && now - marks_[1].time >= limits_.log_age) marks_.pop_front();
  if (now - marks_.front().time >= limits_.log_age) {
    target = std::max(target, std::min(marks_.front().revision, Back(limits_.min_log)));
  }
  return target;
}

base::Status Writer::Checkpoint(bool truncate) {
  mark_.CheckpointBegins();
  const base::Status done = database_.Checkpoint(truncate);
  mark_.CheckpointEnded(done.ok() && database_.wal_pages() == 0, revision_, database_.wal_frames());
  return done;
}

base::Result<bool> Writer::Maintain(bool idle) {
  const Revision target = TrimTarget();
  // While others wait only what is far behind, and little of it at a time.
  const Revision slack = idle ? 0 : limits_.max_log / 10;
  if (compacted_ + slack < target) {
    RETURN_IF_ERROR(TrimTo(target, kTrimRows));
    return compacted_ < target;
  }
  if (database_.wal_pages() > limits_.most_wal_pages ||
      (idle && database_.wal_pages() > limits_.wal_pages)) {
    RETURN_IF_ERROR(Checkpoint(false));
    unsynced_ = 0;
  }
  if (!idle) return false;
  if (unsynced_ > 0 && clock_->Steady() - unsynced_since_ >= kSyncWithin) {
    RETURN_IF_ERROR(Checkpoint(false));
    unsynced_ = 0;
  }
  ASSIGN_OR_RETURN(const int64_t spare, database_.Number("PRAGMA freelist_count"));
  if (spare > 2 * limits_.spare_pages) {
    RETURN_IF_ERROR(database_.Run("PRAGMA incremental_vacuum(256)"));
    vacuumed_ = true;
    return true;
  }
  if (vacuumed_) {  // the file itself shrinks now
    RETURN_IF_ERROR(Checkpoint(false));
    vacuumed_ = false;
  }
  return false;
}

base::Status Writer::Close() {
  RETURN_IF_ERROR(database_.Run("PRAGMA synchronous = FULL"));
  const auto work = [&]() -> base::Status {
    RETURN_IF_ERROR(SetMeta(database_, "base", revision_));
    return SetMeta(database_, "clean", 1);
  };
  RETURN_IF_ERROR(InTransaction(work));
  // The log is cut to nothing when it is known that nothing of it is needed.
  RETURN_IF_ERROR(Checkpoint(false));
  return database_.wal_pages() == 0 ? Checkpoint(true) : base::Ok();
}

}  // namespace keelson::store
