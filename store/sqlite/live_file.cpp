#include "store/sqlite/live_file.h"

#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "store/file.h"

namespace nexakey::store::sqlite {

std::array<char, 8> magic_of(const std::filesystem::path& path) {
  const File file(path, O_RDONLY);
  std::array<char, 8> magic{};
  if (::pread(file.descriptor(), magic.data(), magic.size(), 0) !=
      static_cast<ssize_t>(magic.size())) {
    return {};
  }
  return magic;
}

bool is_before_restore(const LiveFileHead& head, const StoreIdentity& store) {
  return head.store.id == store.id && head.store.generation < store.generation;
}

void check_store_of(const LiveFileHead& head, const StoreIdentity& store,
                    const std::filesystem::path& path, const char* loss) {
  const bool is_same_store = head.store.id == store.id;
  if (is_same_store && head.store.generation == store.generation) {
    return;
  }
  throw StoreProblem(
      path.string() + (is_same_store ? " belongs to a newer state of the store: keys.db is a copy"
                                     : " belongs to another store"),
      std::string("restore backups with nexakey restore; to go on with this keys.db, stop all"
                  " processes that use the store, then move the file away: ") +
          loss);
}

void check_format(const LiveFileHead& head, const StoreIdentity& store) {
  if (head.store.format > store.format) {
    throw StoreProblem("a newer version of nexakey has migrated the store (schema " +
                           std::to_string(head.store.format) + ", this process knows " +
                           std::to_string(store.format) + ")",
                       "install the newer version, then restart this process");
  }
}

}  // namespace nexakey::store::sqlite
