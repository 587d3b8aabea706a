#include "store/sqlite/sqlite_store.h"

#include "store/sqlite/engine.h"
#include "store/sqlite/guarded.h"
#include "store/table_store.h"

namespace nexakey::store::sqlite {

Result<std::unique_ptr<ServedStore>> open_store(const std::string& path, OpenMode mode,
                                                const StoreSettings& settings) {
  const StorePaths paths{std::filesystem::path(path)};
  return guarded(paths, [&]() -> Result<std::unique_ptr<ServedStore>> {
    auto database = Database::open(paths, mode);
    if (!database) {
      return tl::unexpected(std::move(database.error()));
    }
    return std::make_unique<TableStore>(std::make_unique<SqliteEngine>(*std::move(database)),
                                        settings.kept_hours, settings.revocation_log);
  });
}

}  // namespace nexakey::store::sqlite
