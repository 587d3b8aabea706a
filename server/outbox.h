#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "server/http.h"

namespace nexakey::server {

/// The unsent responses of a connection, in order. Static bodies are not copied, and only one piece
/// of a body in a file is in memory.
class Outbox {
 public:
  /// Adds a response. `has_body`: false for the response to a HEAD request.
  void add(HttpResponse response, std::string_view date, Persistence persistence, bool has_body);
  /// Adds `100 Continue` (RFC 9110, 15.2.1).
  void add_continue();

  [[nodiscard]] bool is_empty() const { return pieces_.empty(); }
  /// The next bytes to send, not always all of them; empty if a file cannot be read. Valid until
  /// the next call.
  [[nodiscard]] std::string_view front();
  /// Removes the first `count` bytes of `front`, which have been sent.
  void remove(std::size_t count);

  /// The memory that it holds, in bytes.
  [[nodiscard]] std::size_t held() const;

 private:
  struct File {
    std::shared_ptr<const BodyFile> file;
    std::uint64_t offset = 0;  ///< of the next read
  };

  std::string& text();
  void pop();

  std::deque<std::variant<std::string, std::string_view, File>> pieces_;
  std::size_t sent_ = 0;       // bytes of the first piece, or of `piece_of_file_`
  std::string piece_of_file_;  // if the first piece is a file
};

}  // namespace nexakey::server
