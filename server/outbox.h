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

/// The responses of a connection that are still to be sent, in order. Static bodies are shared, and
/// of a body in a file only one piece is in memory.
class Outbox {
 public:
  /// Adds a response; to a HEAD request (`has_body` false) without its body.
  void add(HttpResponse response, std::string_view date, Persistence persistence, bool has_body);
  /// Adds `100 Continue` (RFC 9110, 15.2.1).
  void add_continue();

  [[nodiscard]] bool is_empty() const { return pieces_.empty(); }
  /// Some of the next bytes to be sent; empty if a file cannot be read. Valid until the next call.
  [[nodiscard]] std::string_view front();
  /// Removes the first `count` bytes of `front`, which are sent.
  void remove(std::size_t count);

  /// The memory of all of it, in bytes.
  [[nodiscard]] std::size_t held() const;

 private:
  struct File {
    std::shared_ptr<const BodyFile> file;
    std::uint64_t offset = 0;  ///< of what is not read yet
  };

  std::string& text();
  void pop();

  std::deque<std::variant<std::string, std::string_view, File>> pieces_;
  std::size_t sent_ = 0;       // bytes of the first piece, or of what was read of its file
  std::string piece_of_file_;  // if the first piece is a file
};

}  // namespace nexakey::server
