#include "server/loop.h"

#include <new>
#include <utility>

#include <boost/asio/post.hpp>

namespace nexakey::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = Connection::Clock;

/// How long clients may take to read the last responses when the server shuts down.
constexpr std::chrono::seconds kDrainTime{5};
constexpr std::chrono::milliseconds kSweepPause{1000};
constexpr std::chrono::milliseconds kDrainPause{20};

}  // namespace

Loop::Loop(const Shared& shared, std::size_t places, std::unique_ptr<store::ServedStore> store,
           Recorder recorder)
    : limits_(shared.limits),
      budget_(shared.budget),
      store_(std::move(store)),
      recorder_(std::move(recorder)),
      pool_(places),
      dispatcher_(context_, shared.service, recorder_, store_.get(), shared.threads) {}

void Loop::open(Client client, Placement::Place place, ConnectionPool::Group group,
                const std::shared_ptr<const TlsContext>& tls) {
  LoopMetrics& metrics = recorder_.metrics();
  switch (pool_.make_room(group)) {
    case ConnectionPool::Room::free:
      break;
    case ConnectionPool::Room::made:
      ++metrics.replaced;
      break;
    case ConnectionPool::Room::none:
      ++metrics.refused;
      return;  // closed with the client
  }
  Channel::Socket socket(context_);
  error_code error;
  socket.assign({client.domain, 0}, client.socket.value(), error);
  if (error) {  // the kernel has no memory
    ++metrics.refused;
    return;
  }
  client.socket.release();
  socket.non_blocking(true);
  auto session = tls ? std::make_unique<TlsSession>(*tls) : nullptr;
  const auto connection = std::make_shared<Connection>(
      Channel(std::move(socket), std::move(session)), client.peer, std::move(place), limits_,
      budget_, dispatcher_, [this, group](const std::shared_ptr<Connection>& closed) {
        pool_.remove(group, closed);
        --recorder_.metrics().connections;
      });
  pool_.add(group, connection);
  ++metrics.accepted;
  ++metrics.connections;
  connection->start();
}

/// Closes overdue connections, once a second, and ends when the loop has drained.
void Loop::sweep() {
  const auto now = Clock::now();
  pool_.for_each([&](Connection& connection) {
    if (connection.is_overdue(now)) {
      connection.close();
    }
  });
  if (drain_until_ && dispatcher_.in_work() > 0) {
    drain_until_ = now + kDrainTime;
  } else if (drain_until_ && (pool_.is_empty() || now >= *drain_until_)) {
    drained_();
    return;
  }
  sweeper_.expires_after(drain_until_ ? kDrainPause : kSweepPause);
  sweeper_.async_wait([this](const error_code& error) {
    if (!error) {
      sweep();
    }
  });
}

void Loop::drain(std::function<void()> drained) {
  drained_ = std::move(drained);
  drain_until_ = Clock::now() + kDrainTime;
  pool_.for_each([](Connection& connection) { connection.finish(); });
  sweeper_.cancel();
  asio::post(context_, [this] { sweep(); });
}

/// Runs until the context is stopped. If memory runs out, closes the connections whose responses
/// are lost.
void Loop::run_context() {
  for (;;) {
    try {
      context_.run();
      return;
    } catch (const std::bad_alloc&) {
      pool_.for_each([](Connection& connection) {
        if (connection.is_answering()) {
          connection.close();
        }
      });
    }
  }
}

void Loop::run() {
  sweep();
  run_context();
  recorder_.flush();
}

}  // namespace nexakey::server
