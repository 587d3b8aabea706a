#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "core/error.h"
#include "server/metrics.h"
#include "store/key_store.h"

namespace nexakey::server {

/// A Unix datagram socket to which a gateway writes its access log, and a thread that records the
/// upstream responses in a store. The kernel queues only a few datagrams, so the thread takes all
/// that are queued and records them together.
class AccessSocket {
 public:
  /// Creates the socket with mode 0660. Replaces a stale one, from which no process reads. Error:
  /// `usage` if the path is too long, else `failed`.
  static core::Result<std::unique_ptr<AccessSocket>> bind(const std::string& path);
  AccessSocket(const AccessSocket&) = delete;
  AccessSocket& operator=(const AccessSocket&) = delete;
  /// Records what has arrived, and removes the socket.
  ~AccessSocket();

  /// Starts the thread, which owns the store.
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
