#include "server/server.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <system_error>
#include <unordered_set>
#include <utility>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "core/text.h"

namespace nexakey::server {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::local::stream_protocol;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Socket = asio::generic::stream_protocol::socket;

constexpr std::size_t kReadSize = std::size_t{64} << 10U;
/// How many pipelined requests of one connection are taken in one turn.
constexpr std::size_t kMostPipelined = 64;
/// How long the last answers may take to be fetched when the server ends.
constexpr std::chrono::seconds kDrainTime{5};
constexpr std::chrono::milliseconds kAcceptPause{100};

core::Error system_problem(const std::string& what, const error_code& error) {
  return {core::ErrorCode::failed, what + ": " + error.message(), ""};
}

/// The `Date` of now (RFC 9110, 5.6.7).
std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  const std::size_t length =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), length};
}

/// IPv4 addresses come as IPv4-mapped ones, and without the zone that a link-local one may have.
core::IpAddress address_of(const asio::ip::tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  return core::IpAddress::from_bytes(
      (address.is_v4() ? asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4())
                       : address.to_v6())
          .to_bytes());
}

HttpResponse refusal(int status) {
  HttpResponse response{.status = status};
  response.headers.emplace_back("Content-Type", "text/plain");
  response.body = "the request is refused\n";
  return response;
}

}  // namespace

class Server::Loop {
 public:
  Loop(Service& service, const Limits& limits) : service_(service), limits_(limits) {}

  Endpoint listen_tcp(const Endpoint& endpoint);
  Endpoint listen_unix(const Endpoint& endpoint);
  void run(const std::function<void()>& flush);

 private:
  struct Connection;
  using ConnectionPtr = std::shared_ptr<Connection>;

  /// A request of a connection that waits for its answer.
  struct Waiting {
    ConnectionPtr connection;
    bool keep_alive = true;
    bool has_body = true;
  };

  template <typename Acceptor>
  void accept(Acceptor& acceptor);
  void open(Socket socket, const Peer& peer);
  void await_input(const ConnectionPtr& connection);
  void read(const ConnectionPtr& connection);
  void parse(const ConnectionPtr& connection);
  void take(const ConnectionPtr& connection);
  void answer_waiting();
  void write(const ConnectionPtr& connection);
  void close(const ConnectionPtr& connection);
  void sweep();
  void drain();

  Service& service_;
  Limits limits_;
  asio::io_context context_{1};
  std::vector<asio::ip::tcp::acceptor> tcp_;
  std::vector<stream_protocol::acceptor> unix_;
  std::vector<std::string> socket_files_;
  std::unordered_set<ConnectionPtr> connections_;
  std::vector<HttpRequest> requests_;
  std::vector<Waiting> waiting_;
  std::array<char, kReadSize> buffer_{};
  asio::steady_timer sweeper_{context_};
  asio::steady_timer pause_{context_};
  std::function<void()> flush_;
  std::optional<Clock::time_point> drain_until_;
};

struct Server::Loop::Connection {
  Connection(Socket its_socket, const Peer& its_peer)
      : socket(std::move(its_socket)), peer(its_peer) {}

  Socket socket;
  Peer peer;
  std::string in;          // what has come and is not parsed yet
  std::string out;         // what is to be sent
  std::string last_words;  // behind the answers that are still to come
  std::size_t waiting = 0;
  std::optional<http::request_parser<http::string_body>> parser;
  Clock::time_point deadline;
  bool closes = false;  // after what is to be sent
};

Endpoint Server::Loop::listen_tcp(const Endpoint& endpoint) {
  const auto address = asio::ip::make_address(endpoint.address->to_string());
  asio::ip::tcp::acceptor& acceptor =
      tcp_.emplace_back(context_, asio::ip::tcp::endpoint(address, endpoint.port));
  acceptor.non_blocking(true);
  return {.address = endpoint.address, .port = acceptor.local_endpoint().port()};
}

Endpoint Server::Loop::listen_unix(const Endpoint& endpoint) {
  const stream_protocol::endpoint place(endpoint.path);
  struct stat status {};
  if (::lstat(endpoint.path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
    stream_protocol::socket probe(context_);
    error_code error;
    probe.connect(place, error);
    if (error == asio::error::connection_refused) {
      ::unlink(endpoint.path.c_str());
    }
  }
  // The mode has to be there before the first connection can come.
  const mode_t old = ::umask(0117);
  try {
    unix_.emplace_back(context_, place);
  } catch (...) {
    ::umask(old);
    throw;
  }
  ::umask(old);
  unix_.back().non_blocking(true);
  socket_files_.push_back(endpoint.path);
  return endpoint;
}

template <typename Acceptor>
void Server::Loop::accept(Acceptor& acceptor) {
  acceptor.async_wait(Acceptor::wait_read, [this, &acceptor](const error_code& error) {
    if (error || drain_until_) {
      return;
    }
    for (;;) {
      error_code failed;
      typename Acceptor::protocol_type::endpoint from;
      auto socket = acceptor.accept(from, failed);
      if (failed == asio::error::would_block) {
        break;
      }
      if (failed) {
        // There are no descriptors left, or the like: it would only fail again at once.
        pause_.expires_after(kAcceptPause);
        pause_.async_wait([this, &acceptor](const error_code&) {
          if (!drain_until_) {
            accept(acceptor);
          }
        });
        return;
      }
      Peer peer;
      if constexpr (std::is_same_v<Acceptor, asio::ip::tcp::acceptor>) {
        socket.set_option(asio::ip::tcp::no_delay(true), failed);
        peer.address = address_of(from);
      }
      open(Socket(std::move(socket)), peer);
    }
    accept(acceptor);
  });
}

void Server::Loop::open(Socket socket, const Peer& peer) {
  if (connections_.size() >= limits_.connections) {
    return;  // closed with the socket
  }
  socket.non_blocking(true);
  const auto connection = std::make_shared<Connection>(std::move(socket), peer);
  connection->deadline = Clock::now() + limits_.idle;
  connections_.insert(connection);
  await_input(connection);
}

void Server::Loop::await_input(const ConnectionPtr& connection) {
  connection->socket.async_wait(Socket::wait_read, [this, connection](const error_code& error) {
    if (!error) {
      read(connection);
    }
  });
}

void Server::Loop::read(const ConnectionPtr& connection) {
  error_code error;
  const std::size_t count = connection->socket.read_some(asio::buffer(buffer_), error);
  if (error == asio::error::would_block) {
    await_input(connection);
    return;
  }
  if (error) {
    close(connection);
    return;
  }
  connection->in.append(buffer_.data(), count);
  parse(connection);
  if (connection->waiting == 0 && !connection->closes) {
    await_input(connection);
  }
}

/// Takes all requests that are whole. Their answers come at the end of this turn of the loop.
void Server::Loop::parse(const ConnectionPtr& connection) {
  while (!connection->in.empty() && !connection->closes && connection->waiting < kMostPipelined) {
    if (!connection->parser) {
      connection->parser.emplace();
      connection->parser->eager(true);
      connection->parser->header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
      connection->parser->body_limit(limits_.body_bytes);
    }
    error_code error;
    const std::size_t used = connection->parser->put(asio::buffer(connection->in), error);
    connection->in.erase(0, used);
    if (error == http::error::need_more) {
      break;
    }
    if (error) {
      const int status = error == http::error::header_limit ? 431
                         : error == http::error::body_limit ? 413
                                                            : 400;
      connection->closes = true;
      append_response(connection->last_words, refusal(status), http_date(), false, true);
      if (connection->waiting == 0) {
        write(connection);
      }
      return;
    }
    if (connection->parser->is_done()) {
      take(connection);
    }
  }
}

void Server::Loop::take(const ConnectionPtr& connection) {
  auto message = connection->parser->release();
  connection->parser.reset();
  HttpRequest& request = requests_.emplace_back();
  request.method = message.method_string();
  request.target = message.target();
  for (const auto& field : message) {
    request.headers.emplace_back(field.name_string(), field.value());
  }
  request.body = std::move(message.body());
  request.peer = connection->peer;
  const bool keep_alive = message.keep_alive() && !drain_until_;
  waiting_.push_back({connection, keep_alive, request.method != "HEAD"});
  connection->closes = !keep_alive;
  ++connection->waiting;
  if (waiting_.size() == 1) {
    // Behind all that this turn has found ready.
    asio::post(context_, [this] { answer_waiting(); });
  }
}

void Server::Loop::answer_waiting() {
  const auto waiting = std::exchange(waiting_, {});
  auto requests = std::exchange(requests_, {});
  const auto responses = service_.answer(requests);
  const std::string date = http_date();
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    Connection& connection = *waiting[i].connection;
    append_response(connection.out, responses[i], date, waiting[i].keep_alive, waiting[i].has_body);
    if (--connection.waiting == 0) {
      write(waiting[i].connection);
    }
  }
  flush_();
}

void Server::Loop::write(const ConnectionPtr& connection) {
  connection->out += std::exchange(connection->last_words, {});
  error_code error;
  const std::size_t count = connection->socket.write_some(asio::buffer(connection->out), error);
  if (error && error != asio::error::would_block) {
    close(connection);
    return;
  }
  connection->out.erase(0, count);
  connection->deadline = Clock::now() + limits_.idle;
  if (!connection->out.empty()) {
    connection->socket.async_wait(Socket::wait_write, [this, connection](const error_code& failed) {
      if (!failed) {
        write(connection);
      }
    });
    return;
  }
  if (connection->closes) {
    close(connection);
    return;
  }
  parse(connection);  // what was pipelined behind the requests of the last turn
  if (connection->waiting == 0 && !connection->closes) {
    await_input(connection);
  }
}

void Server::Loop::close(const ConnectionPtr& connection) {
  error_code ignored;
  connection->closes = true;
  connection->socket.shutdown(Socket::shutdown_both, ignored);
  connection->socket.close(ignored);
  connections_.erase(connection);
}

/// Ends what takes too long, once a second.
void Server::Loop::sweep() {
  const auto now = Clock::now();
  const std::vector<ConnectionPtr> all(connections_.begin(), connections_.end());
  for (const ConnectionPtr& connection : all) {
    if (now >= connection->deadline) {
      close(connection);
    }
  }
  if (drain_until_ && (connections_.empty() || now >= *drain_until_)) {
    context_.stop();
    return;
  }
  sweeper_.expires_after(drain_until_ ? std::chrono::milliseconds(20)
                                      : std::chrono::milliseconds(1000));
  sweeper_.async_wait([this](const error_code& error) {
    if (!error) {
      sweep();
    }
  });
}

void Server::Loop::drain() {
  if (drain_until_) {
    context_.stop();
    return;
  }
  drain_until_ = Clock::now() + kDrainTime;
  tcp_.clear();
  unix_.clear();
  for (const std::string& file : socket_files_) {
    ::unlink(file.c_str());
  }
  const std::vector<ConnectionPtr> all(connections_.begin(), connections_.end());
  for (const ConnectionPtr& connection : all) {
    error_code error;
    const std::size_t unread = connection->socket.available(error);
    const bool is_idle = connection->in.empty() && !connection->parser && unread == 0 &&
                         connection->waiting == 0 && connection->out.empty();
    if (is_idle) {
      close(connection);
    }
  }
  sweeper_.cancel();
  asio::post(context_, [this] { sweep(); });
}

void Server::Loop::run(const std::function<void()>& flush) {
  flush_ = flush;
  for (auto& acceptor : tcp_) {
    accept(acceptor);
  }
  for (auto& acceptor : unix_) {
    accept(acceptor);
  }
  asio::signal_set signals(context_, SIGTERM, SIGINT);
  const std::function<void()> await_signal = [&] {
    signals.async_wait([&](const error_code& error, int /*signal*/) {
      if (!error) {
        drain();
        await_signal();
      }
    });
  };
  await_signal();
  sweep();
  context_.run();
  flush_();
}

core::Result<Endpoint> Endpoint::parse(const std::string& text) {
  constexpr std::string_view kUnix = "unix:";
  constexpr std::size_t kLongestSocketPath = 107;
  if (text.starts_with(kUnix)) {
    Endpoint endpoint{.path = text.substr(kUnix.size())};
    if (endpoint.path.empty() || endpoint.path.size() > kLongestSocketPath) {
      return core::reject("the path of a Unix socket has 1 to 107 bytes");
    }
    return endpoint;
  }
  const std::size_t colon = text.rfind(':');
  const std::string digits = colon == std::string::npos ? "" : text.substr(colon + 1);
  std::string host = text.substr(0, std::min(colon, text.size()));
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    host.clear();  // of IPv6 it can't be told where the port begins
  }
  Endpoint endpoint{.address = core::IpAddress::parse(host)};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  if (!endpoint.address || error != std::errc() || end != digits.data() + digits.size()) {
    return core::reject(core::quote(text) + " is no place to listen at",
                        "write 127.0.0.1:8080, [::1]:8080 or unix:PATH");
  }
  return endpoint;
}

bool Endpoint::is_loopback() const {
  static const core::Whitelist loopback =
      core::Whitelist::parse({"127.0.0.0/8", "::1"}).value_or(core::Whitelist());
  return !address || loopback.allows(address);
}

std::string Endpoint::to_string() const {
  if (!address) {
    return "unix:" + path;
  }
  const std::string host =
      address->is_v4() ? address->to_string() : "[" + address->to_string() + "]";
  return host + ":" + std::to_string(port);
}

Server::Server(Service& service, const Limits& limits)
    : loop_(std::make_unique<Loop>(service, limits)) {}

Server::~Server() = default;

core::Result<Endpoint> Server::listen(const Endpoint& endpoint) {
  try {
    return endpoint.address ? loop_->listen_tcp(endpoint) : loop_->listen_unix(endpoint);
  } catch (const boost::system::system_error& error) {
    return tl::unexpected(
        system_problem("it can't listen at " + endpoint.to_string(), error.code()));
  }
}

void Server::run(const std::function<void()>& flush) { loop_->run(flush); }

}  // namespace nexakey::server
