// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/watch/history.h"

#include <algorithm>

namespace keelson::watch {

const ObjectPtr& Event::Departed(const ObjectReader& reader) const {
  std::call_once(once_, [&] {
    departed_ = ObjectPtr(new Object(*previous, revision, reader.Departed(*previous, revision)));
  });
  return departed_;
}

void History::Reset(Revision floor) {
  first_ = end() + 1;  // a number is missing: whoever counts sees it
  events_.clear();
  bytes_ = 0;
  floor_ = floor;
}

void History::Append(EventPtr event, base::SteadyTime now) {
  // The new state is the current one; the one before it lives here alone.
  const size_t bytes = sizeof(Event) + sizeof(Entry) +
                       (event->previous ? event->previous->bytes().size() + sizeof(Object) : 0);
  bytes_ += bytes;
  events_.push_back({std::move(event), now, bytes});
}

void History::Trim(base::SteadyTime now, uint64_t needed) {
  while (!events_.empty() && first_ < needed) {
    const bool old = now - events_.front().time > limits_.age;
    const bool much = events_.size() > limits_.max_events || bytes_ > limits_.max_bytes;
    if (!much && !(old && events_.size() > limits_.min_events)) break;
    floor_ = events_.front().event->revision;
    bytes_ -= events_.front().bytes;
    events_.pop_front();
    ++first_;
  }
}

uint64_t History::After(Revision revision) const {
  const auto found =
      std::upper_bound(events_.begin(), events_.end(), revision,
                       [](Revision a, const Entry& b) { return a < b.event->revision; });
  return first_ + static_cast<uint64_t>(found - events_.begin());
}

}  // namespace keelson::watch
