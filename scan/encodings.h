#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "scan/byte_source.h"
#include "scan/leak.h"

namespace nexakey::scan {

/// An encoding of bytes or text, below which there may be others.
enum class Encoding { base64, hex, utf16_le, utf16_be, utf32_le, utf32_be };

LeakForm form_of(Encoding encoding);

/// The encoding of a document by its beginning: UTF-16 or UTF-32, with or without a mark.
std::optional<Encoding> wide_encoding(std::string_view head);

/// Digits of an encoding in a text.
struct DigitRun {
  std::size_t begin = 0;
  std::size_t end = 0;  ///< of those that were looked at
  Encoding encoding = Encoding::base64;
};
/// How many bytes behind a digit tell whether it is in a run.
inline constexpr std::size_t kMaxRunHead = 96;
/// The digits around a place that look like an encoding: not those of a word or a path.
std::optional<DigitRun> digit_run(std::string_view text, std::size_t at);

/// The mark that begins each line of a diff, if a run of digits is in one: elsewhere, it is a digit
/// of base64. Zero if there is none.
char line_mark(std::string_view text, std::size_t run);

/// Decodes the beginning of a source, up to the end of the encoded text. Between the digits may be
/// ends of lines, and what mails, diffs, programs and JSON put between lines.
class DecodingSource final : public ByteSource {
 public:
  /// `mark`: see line_mark.
  DecodingSource(Encoding encoding, char mark, ByteSource& source)
      : encoding_(encoding), mark_(mark), source_(&source) {}
  core::Result<std::size_t> read(char* buffer, std::size_t size) override;
  /// How many bytes of the source were decoded.
  [[nodiscard]] std::size_t consumed() const { return consumed_; }

 private:
  core::Result<void> refill();
  void decode();
  void decode_digits(unsigned bits);
  /// Decodes groups of four digits of base64 from a place in `input_` on, the fast way. Returns how
  /// many characters were decoded.
  std::size_t decode_groups(std::size_t begin);
  void decode_wide(std::size_t width, bool big_endian);
  /// Adds a digit to the decoded bytes.
  void add(unsigned digit, unsigned bits);
  /// The size of what is between two digits at a place in `input_`; 0 if the digits end there.
  [[nodiscard]] std::size_t between(std::string_view text) const;

  Encoding encoding_;
  char mark_;
  ByteSource* source_;
  std::string input_;
  std::string output_;
  std::size_t given_ = 0;
  std::size_t consumed_ = 0;
  std::size_t digits_ = 0;
  unsigned bits_ = 0;
  unsigned count_ = 0;
  bool at_end_ = false;
  bool is_over_ = false;
};

}  // namespace nexakey::scan
