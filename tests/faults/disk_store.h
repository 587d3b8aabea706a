#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "store/sqlite/live_file.h"
#include "tests/support/sqlite_files.h"
#include "tests/support/stores.h"
#include "tests/support/temporary_directory.h"

namespace nexakey::test {

/// A store whose files a test may change.
class DiskStore {
 public:
  DiskStore() = default;
  explicit DiskStore(TemporaryDirectory&& directory) : directory_(std::move(directory)) {}

  [[nodiscard]] std::filesystem::path path() const { return directory_ / "keys.db"; }
  /// A file beside SQLite's.
  [[nodiscard]] std::filesystem::path file(const std::string& suffix) const {
    return path().string() + suffix;
  }
  [[nodiscard]] std::unique_ptr<store::KeyStore> connect() const {
    return value_of(store::open(path().string(), store::OpenMode::create_if_missing));
  }

 private:
  TemporaryDirectory directory_;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

/// The store of files that a test makes without one.
inline const store::sqlite::StoreIdentity kStore{.id = {1, 2, 3}, .generation = 4, .format = 5};

/// The offsets of the header of the windows.
enum class WindowsHeader : std::streamoff {
  boot_id = 40,
  clock_base = 64,
  serial = 80,
  next = 88,
  moved = 96,
  slots_used = 112,
  arena_size = 120,
  arena_used = 128,
};

/// The offsets of the header of the journal.
enum class UsageHeader : std::streamoff {
  store_id = 8,
  store_generation = 24,
  format = 32,
  boot_id = 40,
  active = 80,
  first_generation = 128,
  first_used = 136,
  second_generation = 144,
  second_used = 152,
};

template <typename Header>
std::int64_t read_number(const std::filesystem::path& path, Header part) {
  std::int64_t number = 0;
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(part));
  file.read(reinterpret_cast<char*>(&number), sizeof number);
  return number;
}

template <typename Header>
void write_number(const std::filesystem::path& path, Header part, std::int64_t number) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(part));
  file.write(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace nexakey::test
