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

/// Serves HTTP/1.1 with keep-alive and pipelining. One thread has all connections and makes the
/// decisions, unless the store lets one wait; what can take long goes to others, so that no
/// decision waits for it.
class Server {
 public:
  /// `store` is for the thread that runs it; `open_store` opens the same for one more thread.
  Server(Service& service, store::ServedStore& store, const OpenStore& open_store,
         const Limits& limits);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Speaks TLS with whoever comes by TCP. SIGHUP loads the files again, for the connections that
  /// come then; if they can't be used, what was there stays.
  core::Result<void> use_tls(const TlsFiles& files);

  /// Listens, and returns where: with the port that the system chose. A Unix socket is made with
  /// mode 0660; one that nobody listens at any more is replaced. `surface` says what is answered.
  core::Result<ListenAddress> listen(const ListenAddress& address, Surface surface = Surface::all);

  /// Takes over a stream socket that listens already, and returns where. Whoever made it keeps
  /// the connections that wait at it in the end.
  core::Result<ListenAddress> adopt(int descriptor);

  /// Serves until SIGTERM or SIGINT; then accepts only what waits already, answers what has come,
  /// and returns. Tells the service manager. `flush` is called at the end of each turn: for a log
  /// that is written in pieces; `complain` when a reload failed.
  void run(const std::function<void()>& flush,
           const std::function<void(const core::Error&)>& complain);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace nexakey::server
