#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/target.h"
#include "tests/support/stores.h"
#include "tests/support/temporary_directory.h"

namespace {

using namespace nexakey;

constexpr std::uint64_t kKeys = 8;
constexpr std::uint64_t kRevoked = 7;

/// A store with keys, windows and counts, whose files are damaged and made good again.
class Victim {
 public:
  Victim() : directory_(test::TemporaryDirectory::in_memory()) {
    const auto store = store::open(path().string(), store::OpenMode::create_if_missing);
    for (std::uint64_t n = 0; n < kKeys; ++n) {
      test::add(*store.value(), n);
    }
    static_cast<void>(store.value()
                          ->as(test::kTester)
                          .revoke(std::vector{test::make_key(kRevoked).id}, "left", test::now()));
    for (std::uint64_t n = 0; n < kKeys; ++n) {
      test::admitted(*store.value(), test::request(n), 20);
    }
    for (const char* const suffix : {"", "-wal", "-windows", "-usage"}) {
      files_.push_back(read(path().string() + suffix));
    }
  }

  [[nodiscard]] std::filesystem::path path() const { return directory_ / "keys.db"; }
  [[nodiscard]] core::Result<std::unique_ptr<store::KeyStore>> open() const {
    return store::open(path().string(), store::OpenMode::existing);
  }

  /// Makes all files as they were, but for the changes in an input: which file, then for each an
  /// offset of three bytes and the new byte.
  void damage(std::string_view input) {
    for (const char* const suffix : {"-shm", "-journal", "-windows-new"}) {
      std::filesystem::remove(path().string() + suffix);
    }
    const std::size_t which = input.empty() ? 0 : static_cast<std::uint8_t>(input[0]) % 4;
    for (std::size_t n = 0; n < files_.size(); ++n) {
      std::string content = files_[n].content;
      const std::size_t size = files_[n].size;
      for (std::size_t at = 1; n == which && at + 4 <= input.size(); at += 4) {
        const auto byte = [&](std::size_t i) {
          return std::size_t{static_cast<std::uint8_t>(input[at + i])};
        };
        const std::size_t offset = byte(0) << 16U | byte(1) << 8U | byte(2);
        content.resize(std::max(content.size(), offset % size + 1));
        content[offset % size] = input[at + 3];
      }
      std::ofstream(files_[n].path, std::ios::binary | std::ios::trunc) << content;
      std::filesystem::resize_file(files_[n].path, size);
    }
  }

 private:
  struct Original {
    std::string path;
    std::string content;  ///< without the zeros at the end
    std::size_t size = 0;
  };

  static Original read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const std::size_t size = content.size();
    content.erase(content.find_last_not_of('\0') + 1);
    return {path, content, size};
  }

  test::TemporaryDirectory directory_;
  std::vector<Original> files_;
};

}  // namespace

/// A damaged store, windows file or journal: every function ends in a result, and a key that the
/// store does not have, or that was revoked, is never admitted.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Victim victim;
  victim.damage(fuzz::text_of(data, size));
  const auto ignore = [](const auto&) { return true; };
  static_cast<void>(store::check(victim.path().string(), test::now(), [](const auto&) {}));
  const auto opened = victim.open();
  if (!opened) {
    return 0;
  }
  store::KeyStore& store = *opened.value();
  std::vector<core::Request> requests;
  for (std::uint64_t n = 0; n <= kKeys; ++n) {
    requests.push_back(test::request(n));
  }
  if (const auto decided = store.verify(requests, {})) {
    fuzz::expect(decided->size() == requests.size(), "a decision for each request");
    fuzz::expect(!decided->at(kKeys).decision.allowed(), "a key that is not there is not admitted");
  }
  static_cast<void>(store.list({}, {}, test::now(), ignore));
  static_cast<void>(store.usage({}, test::now()));
  static_cast<void>(store.audit_head());
  static_cast<void>(store.tokens());
  static_cast<void>(store.as(test::kTester)
                        .create(test::make_key(kKeys + 1), store::CreateMode::always, test::now()));
  return 0;
}
