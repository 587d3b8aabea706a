#pragma once

#include <functional>
#include <string>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "server/channel.h"
#include "server/http.h"
#include "server/listen_address.h"

namespace nexakey::server {

/// A socket that listens, by TCP or at a path.
class Listener {
 public:
  using Accept = std::function<void(Channel::Socket socket, const Peer& peer)>;

  /// Listens at an address. A Unix socket is made with mode 0660, and replaces one that nobody
  /// listens at any more. Throws boost::system::system_error.
  Listener(boost::asio::io_context& context, const ListenAddress& address, Surface surface);
  /// Takes over a stream socket that listens already, and that its owner keeps in the end. Throws
  /// boost::system::system_error.
  Listener(boost::asio::io_context& context, int descriptor);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  /// Removes the file of a Unix socket that it made.
  ~Listener();

  /// Where it listens: with the port that the system chose.
  [[nodiscard]] const ListenAddress& address() const { return address_; }

  /// Calls `accept` with each connection from now on. If there are no descriptors left, it pauses.
  void start(Accept accept);
  /// Accepts what waits, unless somebody else will, and nothing more.
  void finish();

 private:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;

  void await_clients();
  boost::system::error_code accept_all();

  Acceptor acceptor_;
  boost::asio::steady_timer pause_;
  ListenAddress address_;
  Surface surface_ = Surface::all;
  bool is_adopted_ = false;
  Accept accept_;
};

}  // namespace nexakey::server
