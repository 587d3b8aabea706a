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

/// Serves HTTP/1.1 with keep-alive and pipelining. One thread has all connections, and makes the
/// decisions unless the store is remote. What can take long goes to other threads, so that no
/// decision waits for it.
class Server {
 public:
  /// `store` is for the thread that calls `run`; `open_store` opens the same store for one more
  /// thread.
  Server(Service& service, store::ServedStore& store, const OpenStore& open_store,
         const Limits& limits);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Speaks TLS with clients that come by TCP. SIGHUP loads the files again, for later connections.
  /// If they cannot be used then, those that were loaded stay in use.
  core::Result<void> use_tls(const TlsFiles& files);

  /// Listens at an address and returns it, with the port that the system chose. A Unix socket is
  /// made with mode 0660, and replaces one that nobody listens at any more. Error: `failed`.
  core::Result<ListenAddress> listen(const ListenAddress& address, Surface surface = Surface::all);

  /// Takes over a stream socket that listens already, and returns its address. The connections that
  /// wait at it in the end are left to the process that made it. Error: `failed`.
  core::Result<ListenAddress> adopt(int descriptor);

  /// Serves until SIGTERM or SIGINT; then answers what has come, and returns. Tells the service
  /// manager. `flush` is called at the end of each turn, for a log that is written in pieces;
  /// `complain` when the files of TLS could not be loaded again.
  void run(const std::function<void()>& flush,
           const std::function<void(const core::Error&)>& complain);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace nexakey::server
