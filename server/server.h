#pragma once

#include <functional>
#include <memory>

#include "core/error.h"
#include "server/access_log.h"
#include "server/limits.h"
#include "server/listen_address.h"
#include "server/service.h"
#include "server/tls.h"
#include "server/workers.h"

namespace nexakey::server {

/// An HTTP/1.1 server with keep-alive and pipelining. Each of its loops (`Limits::loops`) has a
/// thread, which owns its part of the connections and also makes their decisions unless the store
/// is remote. Requests that can take long run on other threads, so that no decision waits for them.
///
/// The thread that calls `run` runs the first loop. It also accepts all clients, each for the loop
/// with the most room, and handles the signals.
class Server {
 public:
  /// `open_store` opens the served store for another thread. Error: that of opening the store.
  static core::Result<std::unique_ptr<Server>> create(Service& service, AccessLog& log,
                                                      const OpenStore& open_store,
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

  /// Serves until SIGTERM or SIGINT, then answers the requests that have arrived and returns; a
  /// second signal ends it at once. Reports its state to the service manager. Calls
  /// `on_reload_error` if the TLS files cannot be reloaded.
  void run(const std::function<void(const core::Error&)>& on_reload_error);

 private:
  class State;
  explicit Server(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace nexakey::server
