#include "server/server.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <future>
#include <iterator>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "server/buffer_budget.h"
#include "server/listener.h"
#include "server/loop.h"
#include "server/placement.h"
#include "server/recorder.h"
#include "server/systemd.h"
#include "server/threads.h"

namespace nexakey::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// The stores of the loops; null if deciding threads ask the store.
using Stores = std::vector<std::unique_ptr<store::ServedStore>>;

}  // namespace

/// What the loops share, and what only the thread of the first loop uses: the listeners, the
/// signals and the certificate.
class Server::State {
 public:
  State(Service& service, AccessLog& log, const OpenStore& open_store, const Limits& limits,
        Stores stores);
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { threads_.stop(); }  // while the loops, which their jobs use, exist

  core::Result<void> use_tls(const TlsFiles& files);
  ListenAddress listen(const ListenAddress& address, Surface surface) {
    return listeners_.emplace_back(first().context(), address, surface).address();
  }
  ListenAddress adopt(int descriptor) {
    return listeners_.emplace_back(first().context(), descriptor).address();
  }
  void run(const std::function<void(const core::Error&)>& on_reload_error);

 private:
  std::deque<Loop> make_loops(Metrics& metrics, AccessLog& log, Stores stores);
  [[nodiscard]] Loop& first() { return loops_.front(); }
  Placement::Group add_group();
  void start(Listener& listener);
  void place(Client client, Placement::Group group);
  template <typename Work>
  void attempt(const Work& work);
  void await_signal();
  void reload();
  void drain();
  void stop();
  void watch();
  void on_each_loop(const std::function<void(Loop& loop, std::function<void()> done)>& work,
                    std::function<void()> then);

  const Service& service_;
  Limits limits_;
  BufferBudget budget_;
  Placement placement_;
  Threads threads_;
  std::deque<Loop> loops_;
  // Signals are caught before the server listens.
  asio::signal_set signals_{first().context(), SIGTERM, SIGINT, SIGHUP};
  asio::steady_timer watchdog_{first().context()};
  std::list<Listener> listeners_;
  std::optional<TlsFiles> tls_files_;
  std::shared_ptr<const TlsContext> tls_;
  std::function<void(const core::Error&)> on_reload_error_;
  bool is_ending_ = false;
};

Server::State::State(Service& service, AccessLog& log, const OpenStore& open_store,
                     const Limits& limits, Stores stores)
    : service_(service),
      limits_(limits),
      budget_(limits.buffer_bytes, limits.connections),
      placement_(stores.size(), limits.connections),
      threads_(open_store, limits),
      loops_(make_loops(service.metrics(), log, std::move(stores))) {}

std::deque<Loop> Server::State::make_loops(Metrics& metrics, AccessLog& log, Stores stores) {
  const Loop::Shared shared{
      .service = service_, .limits = limits_, .budget = budget_, .threads = threads_};
  std::deque<Loop> loops;
  for (auto& store : stores) {
    loops.emplace_back(shared, placement_.places_of(loops.size()), std::move(store),
                       Recorder(metrics.loops.emplace_back(), log));
  }
  return loops;
}

core::Result<void> Server::State::use_tls(const TlsFiles& files) {
  return TlsContext::load(files).map([&](std::shared_ptr<const TlsContext>&& loaded) {
    tls_files_ = files;
    tls_ = std::move(loaded);
  });
}

Placement::Group Server::State::add_group() {
  for (Loop& loop : loops_) {
    loop.add_group();
  }
  return placement_.add_group();
}

void Server::State::start(Listener& listener) {
  const auto trusted = add_group();
  const auto others = add_group();
  listener.start([this, trusted, others](Client client) {
    const bool is_trusted = !client.peer.address || service_.trusts(client.peer);
    place(std::move(client), is_trusted ? trusted : others);
  });
}

/// Hands a client over to one of the loops.
void Server::State::place(Client client, Placement::Group group) {
  auto [chosen, place] = placement_.choose(group);
  Loop& loop = loops_[chosen];
  auto tls = client.peer.address ? tls_ : nullptr;
  if (&loop == &first()) {
    loop.open(std::move(client), std::move(place), group, tls);
    return;
  }
  asio::post(loop.context(), [&loop, group, client = std::move(client), place = std::move(place),
                              tls = std::move(tls)]() mutable {
    loop.open(std::move(client), std::move(place), group, tls);
  });
}

/// Accepts no more clients, and stops when all loops have drained; at once if called again.
void Server::State::drain() {
  if (std::exchange(is_ending_, true)) {
    stop();
    return;
  }
  notify_manager("STOPPING=1");
  for (Listener& listener : listeners_) {
    listener.finish();
  }
  listeners_.clear();
  on_each_loop([](Loop& loop, auto done) { loop.drain(std::move(done)); }, [this] { stop(); });
}

/// Calls `work` on each loop, after what it was given before, and then `then` on the first one,
/// once all have called `done`.
void Server::State::on_each_loop(
    const std::function<void(Loop& loop, std::function<void()> done)>& work,
    std::function<void()> then) {
  const auto left = std::make_shared<std::size_t>(loops_.size());  // for the first loop only
  const auto note_done = [left, then = std::move(then)] {
    if (--*left == 0) {
      then();
    }
  };
  for (Loop& loop : loops_) {
    asio::post(loop.context(), [this, &loop, work, note_done] {
      work(loop, [this, note_done] { asio::post(first().context(), note_done); });
    });
  }
}

/// Tells the service manager again and again that all loops run. If one hangs, it is told no more,
/// and restarts the service.
void Server::State::watch() {
  const auto time = watchdog_time();
  if (!time) {
    return;
  }
  on_each_loop([](Loop& /*loop*/, const auto& done) { done(); },
               [this, time] {
                 notify_manager("WATCHDOG=1");
                 watchdog_.expires_after(*time / 4);
                 watchdog_.async_wait([this](const error_code& error) {
                   if (!error) {
                     watch();
                   }
                 });
               });
}

void Server::State::stop() {
  for (Loop& loop : loops_) {
    loop.stop();
  }
}

void Server::State::reload() {
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now().time_since_epoch());  // CLOCK_MONOTONIC
  notify_manager("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
  if (tls_files_) {
    const auto loaded = use_tls(*tls_files_);
    if (!loaded) {
      on_reload_error_(loaded.error());
    }
  }
  notify_manager("READY=1");
}

void Server::State::await_signal() {
  signals_.async_wait([this](const error_code& error, int signal) {
    if (error) {
      return;
    }
    if (signal == SIGHUP) {
      reload();
    } else {
      drain();
    }
    await_signal();
  });
}

/// If `work` fails, stops all loops: none goes on without the others.
template <typename Work>
void Server::State::attempt(const Work& work) {
  try {
    work();
  } catch (...) {
    stop();
    throw;
  }
}

void Server::State::run(const std::function<void(const core::Error&)>& on_reload_error) {
  on_reload_error_ = on_reload_error;
  for (Listener& listener : listeners_) {
    start(listener);
  }
  await_signal();
  watch();
  std::vector<std::future<void>> others;  // each waits for its thread when it is destroyed
  attempt([&] {
    std::for_each(std::next(loops_.begin()), loops_.end(), [&](Loop& loop) {
      others.push_back(
          std::async(std::launch::async, [this, &loop] { attempt([&] { loop.run(); }); }));
    });
    notify_manager("READY=1");
    first().run();
  });
  for (auto& other : others) {
    other.get();
  }
}

core::Result<std::unique_ptr<Server>> Server::create(Service& service, AccessLog& log,
                                                     const OpenStore& open_store,
                                                     const Limits& limits) {
  Stores stores(std::min(limits.loops, limits.connections));  // a loop needs a connection
  if (limits.deciders == 0) {
    for (auto& store : stores) {
      auto opened = open_store();
      if (!opened) {
        return tl::unexpected(std::move(opened.error()));
      }
      store = *std::move(opened);
    }
  }
  return std::unique_ptr<Server>(
      new Server(std::make_unique<State>(service, log, open_store, limits, std::move(stores))));
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() = default;

core::Result<ListenAddress> Server::listen(const ListenAddress& address, Surface surface) {
  try {
    return state_->listen(address, surface);
  } catch (const boost::system::system_error& error) {
    return core::fail(core::ErrorCode::failed,
                      "cannot listen on " + address.to_string() + ": " + error.code().message());
  }
}

core::Result<ListenAddress> Server::adopt(int descriptor) {
  try {
    return state_->adopt(descriptor);
  } catch (const boost::system::system_error& error) {
    return core::fail(core::ErrorCode::failed,
                      "cannot use a socket that was passed: " + error.code().message());
  }
}

core::Result<void> Server::use_tls(const TlsFiles& files) { return state_->use_tls(files); }

void Server::run(const std::function<void(const core::Error&)>& on_reload_error) {
  state_->run(on_reload_error);
}

}  // namespace nexakey::server
