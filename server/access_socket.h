#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "core/error.h"
#include "server/metrics.h"
#include "store/key_store.h"

namespace nexakey::server {

/// A Unix datagram socket that a gateway writes its access log to, and a thread that reports to a
/// store what the API answered. The kernel holds only a few datagrams; so the thread takes all that
/// are there and reports them together.
class AccessSocket {
 public:
  /// Makes the socket, with mode 0660; one that nobody reads any more is replaced.
  static core::Result<std::unique_ptr<AccessSocket>> bind(const std::string& path);
  AccessSocket(const AccessSocket&) = delete;
  AccessSocket& operator=(const AccessSocket&) = delete;
  /// Reports what has come, and removes the socket.
  ~AccessSocket();

  /// Begins. The store is this thread's alone.
  void start(std::unique_ptr<store::KeyStore> store, LogMetrics& metrics);

 private:
  AccessSocket(int descriptor, std::string path)
      : descriptor_(descriptor), path_(std::move(path)) {}
  void run(store::KeyStore& store, LogMetrics& metrics) const;

  int descriptor_;
  std::string path_;
  std::atomic<bool> is_ending_{false};
  std::thread thread_;
};

}  // namespace nexakey::server
