#pragma once

#include <cstddef>

namespace nexakey::server {

/// Bounds the memory that the buffers of all connections take together. A part is reserved for each
/// connection, so that those with short requests are served whatever others hold.
class BufferBudget {
 public:
  /// `max`: bytes, of which up to 16 KiB are reserved for each of at most `connections`.
  BufferBudget(std::size_t max, std::size_t connections);

  /// What one connection holds.
  class Share {
   public:
    explicit Share(BufferBudget& budget) : budget_(budget) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { budget_.common_ += taken_; }

    /// Tells how many bytes the connection holds now. False if that is more than there is.
    [[nodiscard]] bool hold(std::size_t bytes);

   private:
    BufferBudget& budget_;
    std::size_t taken_ = 0;  // of what is common to all
  };

 private:
  std::size_t reserved_;  // for each connection
  std::size_t common_;    // what is left of the rest
};

}  // namespace nexakey::server
