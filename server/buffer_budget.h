#pragma once

#include <atomic>
#include <cstddef>

namespace nexakey::server {

/// Bounds the memory of the buffers of all connections together. Each connection has a reserved
/// part, so that short requests are served whatever other connections hold. Any number of threads
/// share it; they meet only in the common part.
class BufferBudget {
 public:
  /// `max`: bytes, of which up to 16 KiB are reserved for each of at most `connections`.
  BufferBudget(std::size_t max, std::size_t connections);

  /// What one connection holds. For one thread.
  class Share {
   public:
    explicit Share(BufferBudget& budget) : budget_(budget) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { budget_.common_ += taken_; }

    /// Sets how many bytes the connection holds. False, without effect, if the budget does not have
    /// them.
    [[nodiscard]] bool hold(std::size_t bytes);

   private:
    BufferBudget& budget_;
    std::size_t taken_ = 0;  // from the common part
  };

 private:
  [[nodiscard]] bool take(std::size_t bytes);

  std::size_t reserved_;             // for each connection
  std::atomic<std::size_t> common_;  // what is left of the common part
};

}  // namespace nexakey::server
