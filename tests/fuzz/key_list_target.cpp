#include <array>
#include <string>
#include <string_view>

#include "cli/plain_keys.h"
#include "core/credential.h"
#include "tests/fuzz/target.h"

/// Lists of keys to import, in each format: neither errors nor results contain a key.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nexakey;
  const std::string_view text = fuzz::text_of(data, size);
  constexpr std::array kFormats{cli::KeyListFormat::lines, cli::KeyListFormat::csv,
                                cli::KeyListFormat::json};
  constexpr std::size_t kFirstPiece = 16;
  constexpr std::size_t kPiece = 5;
  (void)cli::guess_key_list_format(text);
  for (const cli::KeyListFormat format : kFormats) {
    std::uint64_t line = 0;
    // In pieces, with a boundary anywhere.
    std::string_view rest = text;
    std::size_t next = kFirstPiece;
    cli::KeyListText list([&] {
      const std::string_view piece = rest.substr(0, next);
      rest.remove_prefix(piece.size());
      next = kPiece;
      return piece;
    });
    const auto done =
        cli::read_plain_keys(list, format, [&](const cli::PlainKey& key) -> core::Result<void> {
          fuzz::expect(key.line >= line, "keys come in the order of their lines");
          line = key.line;
          fuzz::expect(key.last_four.size() == 4, "four characters of a key are kept");
          fuzz::expect(key.hash != core::CredentialHash{}, "a key has a hash");
          return {};
        });
    fuzz::expect(done || !core::contains_credential(done.error().message), "no key is in an error");
  }
  return 0;
}
