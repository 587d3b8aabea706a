#pragma once

#include <functional>
#include <string>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "server/http.h"
#include "server/listen_address.h"
#include "system/descriptor.h"

namespace nexakey::server {

/// A client that was accepted and belongs to no loop yet.
struct Client {
  system::Descriptor socket;
  int domain;  ///< of the socket: AF_INET, AF_INET6 or AF_UNIX
  Peer peer;
};

/// A listening socket: TCP or Unix.
class Listener {
 public:
  using Accept = std::function<void(Client client)>;

  /// Listens at an address. A Unix socket is created with mode 0660 and replaces a stale one.
  /// Throws boost::system::system_error.
  Listener(boost::asio::io_context& context, const ListenAddress& address, Surface surface);
  /// Uses a stream socket that already listens, and that stays open in the process that created it.
  /// Throws boost::system::system_error.
  Listener(boost::asio::io_context& context, int descriptor);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  /// Removes the Unix socket that it created.
  ~Listener();

  /// Where it listens, with the port that the system chose.
  [[nodiscard]] const ListenAddress& address() const { return address_; }

  /// Calls `accept` with each client. Pauses for 100 ms when descriptors or memory run out.
  void start(Accept accept);
  /// Stops listening. Before that, accepts the connections that wait, unless the socket was
  /// adopted: then they are left to the process that created it.
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
