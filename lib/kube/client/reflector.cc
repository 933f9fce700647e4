// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/client/reflector.h"

#include <algorithm>
#include <map>
#include <random>

#include "lib/base/strings.h"

namespace keelson::kube {
namespace {

constexpr size_t kLongestLine = size_t{16} << 20;  // of one event; an object has 1.5 MB at most
constexpr std::chrono::seconds kShortWatch(1);

double OwnRandom() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

ObjectName NameOf(const json::Value& object) {
  const json::Value& metadata = object.At({"metadata"});
  return {metadata.At({"namespace"}).AsString(), metadata.At({"name"}).AsString()};
}

struct Reflector::State : std::enable_shared_from_this<Reflector::State> {
  State(Api& the_api, Query the_query, Follower the_follower, Options the_options)
      : api(the_api),
        query(std::move(the_query)),
        follower(std::move(the_follower)),
        options(std::move(the_options)) {
    if (!options.random) options.random = OwnRandom;
  }

  void Begin();  // from nothing: a whole state
  void BeginStream();
  void BeginPage(const std::string& token);
  void BeginWatch();
  void Watch(const std::string& more, bool initial);
  void Take(std::string_view piece);
  void TakeEvent(const json::Value& event);
  void Ended(base::Result<multiplex::Reply> reply);
  void Tell(const json::Value& object);
  void Forget(const ObjectName& name);
  void Complete();
  void Failed(const base::Error& error);
  void Later(std::function<void(State&)> next);
  std::string Path(const std::string& more) const;
  void Stop();

  Api& api;
  const Query query;
  const Follower follower;
  Options options;
  bool stopped = false;
  bool is_synced = false;
  bool no_stream = false;  // the server has no WatchList
  bool streaming = false;  // the watch under way began with the whole state
  bool relist = false;     // what is known is too old
  uint64_t round = 0;
  std::string revision;
  std::map<ObjectName, uint64_t> known;  // the round in which each was last told
  std::string line;
  std::optional<multiplex::CallId> call;
  std::optional<os::EventLoop::TimerId> timer;
  std::chrono::milliseconds backoff{0};
  std::chrono::steady_clock::time_point began;
};

std::string Reflector::State::Path(const std::string& more) const {
  std::string path = query.path + "?" + more;
  if (!query.selector.empty()) path += "&" + query.selector;
  return path;
}

void Reflector::State::Begin() {
  ++round;
  relist = false;
  no_stream ? BeginPage("") : BeginStream();
}

void Reflector::State::BeginStream() {
  Watch("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", true);
}

void Reflector::State::BeginWatch() {
  if (relist || revision.empty()) return Begin();
  Watch("&resourceVersion=" + revision, false);
}

void Reflector::State::Watch(const std::string& more, bool initial) {
  streaming = initial;
  line.clear();
  began = std::chrono::steady_clock::now();
  const auto seconds = static_cast<int64_t>(static_cast<double>(options.watch_time.count()) *
                                            (1 + options.random()));
  multiplex::Call request;
  request.path =
      Path(fmt::format("watch=true&allowWatchBookmarks=true&timeoutSeconds={}{}", seconds, more));
  request.headers.emplace_back("accept", "application/json");
  request.on_piece = [weak = weak_from_this()](std::string_view piece) {
    if (const auto self = weak.lock()) self->Take(piece);
  };
  request.done = [weak = weak_from_this()](base::Result<multiplex::Reply> reply) {
    if (const auto self = weak.lock()) self->Ended(std::move(reply));
  };
  call = api.Begin(std::move(request));
}

void Reflector::State::BeginPage(const std::string& token) {
  Api::Request request;
  request.path = Path(fmt::format("limit={}{}", options.page,
                                  token.empty() ? "" : "&continue=" + base::PercentEncode(token)));
  call = api.Send(std::move(request), [weak = weak_from_this()](base::Result<json::Value> list) {
    const auto self = weak.lock();
    if (!self || self->stopped) return;
    self->call.reset();
    if (!list.ok()) {
      self->Failed(list.error());
      return self->Later([](State& state) { state.Begin(); });
    }
    if (const json::Value* items = list->Find("items")) {
      for (const json::Value& item : items->items()) self->Tell(item);
    }
    const std::string& next = list->At({"metadata", "continue"}).AsString();
    if (!next.empty()) return self->BeginPage(next);
    self->revision = list->At({"metadata", "resourceVersion"}).AsString();
    self->Complete();
    self->BeginWatch();
  });
}

void Reflector::State::Take(std::string_view piece) {
  while (!piece.empty() && !stopped) {
    const size_t end = piece.find('\n');
    line.append(piece.substr(0, end));
    if (line.size() > kLongestLine) {
      relist = true;
      line.clear();
      Failed(base::ResourceExhausted("watch {}: an event of more than {} bytes", query.path,
                                     kLongestLine));
      if (call) api.Cancel(*call);
      call.reset();
      return Later([](State& state) { state.Begin(); });
    }
    if (end == std::string_view::npos) return;
    piece.remove_prefix(end + 1);
    const base::Result<json::Value> event = json::ParseJson(line, {.bytes = kLongestLine});
    line.clear();
    if (event.ok())
      TakeEvent(*event);
    else
      Failed(event.error().WithContext("watch " + query.path));
  }
}

void Reflector::State::TakeEvent(const json::Value& event) {
  const std::string& type = event.At({"type"}).AsString();
  const json::Value& object = event.At({"object"});
  if (type == "ERROR") {
    relist = true;  // nearly always "too old"; in any case nothing better is known
    if (object.At({"code"}).AsInt() != 410)
      Failed(base::Unavailable("watch {}: {}", query.path, object.At({"message"}).AsString()));
    return;
  }
  const std::string& at = object.At({"metadata", "resourceVersion"}).AsString();
  if (type == "DELETED") {
    Forget(NameOf(object));
  } else if (type == "ADDED" || type == "MODIFIED") {
    Tell(object);
  } else if (type == "BOOKMARK") {
    const json::Value& annotations = object.At({"metadata", "annotations"});
    const json::Value* mark = annotations.Find("k8s.io/initial-events-end");
    if (streaming && mark != nullptr && mark->AsString() == "true") {
      streaming = false;
      revision = at;
      return Complete();
    }
  }
  if (!streaming && !at.empty()) revision = at;
}

void Reflector::State::Tell(const json::Value& object) {
  known[NameOf(object)] = round;
  follower.changed(object);
}

void Reflector::State::Forget(const ObjectName& name) {
  if (known.erase(name) > 0) follower.gone(name);
}

void Reflector::State::Complete() {
  std::vector<ObjectName> left;
  for (const auto& [name, told] : known)
    if (told != round) left.push_back(name);
  for (const ObjectName& name : left) Forget(name);
  backoff = std::chrono::milliseconds(0);
  is_synced = true;
  if (follower.synced) follower.synced();
}

void Reflector::State::Ended(base::Result<multiplex::Reply> reply) {
  call.reset();
  if (stopped) return;
  const bool lasted = std::chrono::steady_clock::now() - began >= kShortWatch;
  if (!reply.ok()) {
    Failed(reply.error());
  } else if (reply->status != 200) {
    const base::Error error = ErrorOf(*reply, "watch " + query.path);
    // A server that does not know how to begin with the state says so (400, 422) or takes the
    // request for a faulty one.
    if (streaming && (reply->status == 400 || reply->status == 422)) {
      no_stream = true;
      return Begin();
    }
    if (reply->status == 410) {
      relist = true;
      return Begin();
    }
    Failed(error);
  } else if (!streaming && lasted) {
    return BeginWatch();  // its time was over
  }
  const bool from_nothing = streaming || relist || revision.empty();
  Later([from_nothing](State& state) { from_nothing ? state.Begin() : state.BeginWatch(); });
}

void Reflector::State::Failed(const base::Error& error) {
  if (follower.problem) follower.problem(error);
}

void Reflector::State::Later(std::function<void(State&)> next) {
  backoff = std::clamp(backoff * 2, options.min_backoff, options.max_backoff);
  const auto wait =
      std::chrono::duration_cast<std::chrono::nanoseconds>(backoff * (1 + 0.5 * options.random()));
  timer = api.loop().After(wait, [this, next = std::move(next)] {
    const auto kept = shared_from_this();
    timer.reset();
    if (!stopped) next(*this);
  });
}

void Reflector::State::Stop() {
  stopped = true;
  if (call) api.Cancel(*call);
  if (timer) api.loop().CancelTimer(*timer);
}

Reflector::Reflector(Api& api, Query query, Follower follower, Options options)
    : state_(std::make_shared<State>(api, std::move(query), std::move(follower),
                                     std::move(options))) {}
Reflector::~Reflector() { state_->Stop(); }
void Reflector::Start() { state_->Begin(); }
bool Reflector::synced() const { return state_->is_synced; }
size_t Reflector::size() const { return state_->known.size(); }

}  // namespace keelson::kube
