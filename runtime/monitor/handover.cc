// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/handover.h"

namespace keelson::monitor {
namespace {

using base::Reader;
using base::Writer;

constexpr uint32_t kMagic = 0x4f48454b;  // "KEHO"
constexpr uint32_t kOldestReader = 1;    // what can read this; raised when it cannot be so any more

void Put(Writer& w, const Handover::Leaf& leaf) {
  w.String(leaf.path);
  w.I32(leaf.fd);
  w.Bool(leaf.killed);
}

Handover::Leaf GetLeaf(Reader& r) {
  Handover::Leaf leaf;
  leaf.path = r.String();
  leaf.fd = r.I32();
  leaf.killed = r.Bool();
  return leaf;
}

void PutInts(Writer& w, const std::vector<int>& list) {
  w.U32(static_cast<uint32_t>(list.size()));
  for (const int value : list) w.I32(value);
}

std::vector<int> GetInts(Reader& r) {
  std::vector<int> list;
  for (uint32_t n = r.Count(4); n > 0; --n) list.push_back(r.I32());
  return list;
}

std::string Bytes(const Handover::Container& c) {
  Writer state;
  monitor::Put(state, c.state);
  Writer w;
  w.String(state.bytes());
  w.I32(c.pidfd);
  w.Bool(c.adopted);
  w.Bool(c.draining);
  w.String(c.notes);
  PutInts(w, c.log_fds);
  Put(w, c.leaf);
  return w.Take();
}

bool Get(Reader& r, Handover::Container& c) {
  const std::string state_bytes = r.String();
  Reader state(state_bytes);
  c.state = GetContainerState(state);
  c.pidfd = r.I32();
  c.adopted = r.Bool();
  c.draining = r.Bool();
  c.notes = r.String();
  c.log_fds = GetInts(r);
  c.leaf = GetLeaf(r);
  return r.ok() && state.ok();
}

std::string Bytes(const Handover::Exec& e) {
  Writer w;
  w.I32(e.pid);
  w.I32(e.client);
  w.U64(e.question);
  w.String(e.container);
  Put(w, e.leaf);
  PutStages(w, e.stages);
  w.I64(e.running_since);
  w.I64(e.ends_at);
  w.Bool(e.live);
  w.Bool(e.timed_out);
  return w.Take();
}

bool Get(Reader& r, Handover::Exec& e) {
  e.pid = r.I32();
  e.client = r.I32();
  e.question = r.U64();
  e.container = r.String();
  e.leaf = GetLeaf(r);
  e.stages = GetStages(r);
  e.running_since = r.I64();
  e.ends_at = r.I64();
  e.live = r.Bool();
  e.timed_out = r.Bool();
  return r.ok();
}

std::string Bytes(const Handover::Attachment& a) {
  Writer w;
  w.U64(a.session);
  w.I32(a.client);
  w.U64(a.question);
  return w.Take();
}

bool Get(Reader& r, Handover::Attachment& a) {
  a.session = r.U64();
  a.client = r.I32();
  a.question = r.U64();
  return r.ok();
}

std::string Bytes(const Handover::LogQuestion& q) {
  Writer w;
  w.U64(q.number);
  w.I32(q.client);
  w.U64(q.question);
  w.String(q.exited);
  w.U64(q.attached);
  w.String(q.container);
  return w.Take();
}

bool Get(Reader& r, Handover::LogQuestion& q) {
  q.number = r.U64();
  q.client = r.I32();
  q.question = r.U64();
  q.exited = r.String();
  q.attached = r.U64();
  q.container = r.String();
  return r.ok();
}

template <typename T>
void PutList(Writer& w, const std::vector<T>& list) {
  w.U32(static_cast<uint32_t>(list.size()));
  for (const T& item : list) w.String(Bytes(item));
}

template <typename T>
bool GetList(Reader& r, std::vector<T>& list) {
  for (uint32_t n = r.Count(4); n > 0 && r.ok(); --n) {
    const std::string bytes = r.String();
    Reader item(bytes);
    if (!Get(item, list.emplace_back())) return false;
  }
  return r.ok();
}

}  // namespace

std::string Encode(const Handover& h) {
  Writer setup;
  Put(setup, h.setup);
  Writer w;
  w.U32(kMagic);
  w.U32(kOldestReader);
  w.String(setup.bytes());
  w.Bool(h.anchor_gone);
  PutInts(w, h.parts);
  w.I32(h.log_pid);
  w.U64(h.next_question);
  w.U64(h.next_exec);
  w.U64(h.next_command);
  w.I32(h.client);
  w.U64(h.question);
  PutInts(w, h.clients);
  PutList(w, h.containers);
  PutList(w, h.execs);
  PutList(w, h.attachments);
  PutList(w, h.log_questions);
  return w.Take() + std::string(OwnDialect().further);
}

base::Result<Handover> DecodeHandover(std::string_view bytes) {
  Reader r(bytes);
  if (r.U32() != kMagic) return base::DataLoss("this is no monitor's handover");
  if (r.U32() > kOldestReader)
    return base::FailedPrecondition("the handover is of a monitor that is too new for this one");
  Handover h;
  const std::string setup_bytes = r.String();
  Reader setup(setup_bytes);
  h.setup = GetPodSetup(setup);
  h.anchor_gone = r.Bool();
  h.parts = GetInts(r);
  h.log_pid = r.I32();
  h.next_question = r.U64();
  h.next_exec = r.U64();
  h.next_command = r.U64();
  h.client = r.I32();
  h.question = r.U64();
  h.clients = GetInts(r);
  const bool lists = GetList(r, h.containers) && GetList(r, h.execs) && GetList(r, h.attachments) &&
                     GetList(r, h.log_questions);
  if (!lists || !r.ok() || !setup.ok() || h.parts.size() < Handover::kParts)
    return base::DataLoss("the handover is malformed");
  return h;
}

std::vector<int> DescriptorsOf(const Handover& h) {
  std::vector<int> all = h.parts;
  all.insert(all.end(), h.clients.begin(), h.clients.end());
  for (const Handover::Container& c : h.containers) {
    all.push_back(c.pidfd);
    all.push_back(c.leaf.fd);
    all.insert(all.end(), c.log_fds.begin(), c.log_fds.end());
  }
  for (const Handover::Exec& e : h.execs) all.push_back(e.leaf.fd);
  std::erase(all, -1);
  return all;
}

}  // namespace keelson::monitor
