#pragma once

#include <functional>
#include <memory>

#include "core/error.h"
#include "server/limits.h"
#include "server/listen_address.h"
#include "server/service.h"
#include "server/tls.h"
#include "server/workers.h"

namespace nexakey::server {

/// An HTTP/1.1 server with keep-alive and pipelining. One thread owns all connections, and also
/// makes the decisions unless the store is remote. Requests that can take long run on other
/// threads, so that no decision waits for them.
class Server {
 public:
  /// `store` is used by the thread that calls `run`; `open_store` opens the same store for another
  /// thread.
  Server(Service& service, store::ServedStore& store, const OpenStore& open_store,
         const Limits& limits);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Enables TLS on TCP connections. SIGHUP reloads the files for new connections; if they cannot
  /// be loaded then, the previous ones stay in use. Error: `failed`.
  core::Result<void> use_tls(const TlsFiles& files);

  /// Starts to listen, and returns the address with the port that the system chose. A Unix socket
  /// is created with mode 0660 and replaces a stale one, on which no process listens. Error:
  /// `failed`.
  core::Result<ListenAddress> listen(const ListenAddress& address, Surface surface = Surface::all);

  /// Uses a stream socket that already listens, and returns its address. At shutdown, connections
  /// that have not been accepted are left to the process that created the socket. Error: `failed`.
  core::Result<ListenAddress> adopt(int descriptor);

  /// Serves until SIGTERM or SIGINT, then answers the requests that have arrived and returns.
  /// Reports its state to the service manager. Calls `flush` after each turn of the loop that
  /// answered requests, to write a buffered log, and `on_reload_error` if the TLS files cannot be
  /// reloaded.
  void run(const std::function<void()>& flush,
           const std::function<void(const core::Error&)>& on_reload_error);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace nexakey::server
