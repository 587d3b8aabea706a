#include "store/postgres/postgres_store.h"

#include "store/postgres/engine.h"
#include "store/postgres/schema.h"
#include "store/table_store.h"

namespace nexakey::store::postgres {

Result<std::unique_ptr<ServedStore>> open_store(const std::string& rest, OpenMode mode,
                                                const StoreSettings& settings) {
  return guarded([&]() -> Result<std::unique_ptr<ServedStore>> {
    auto session = Session::to("postgresql:" + rest);
    if (!session) {
      return tl::unexpected(std::move(session.error()));
    }
    if (const auto prepared = prepare_store(*session, mode); !prepared) {
      return tl::unexpected(prepared.error());
    }
    return std::make_unique<TableStore>(std::make_unique<PostgresEngine>(*std::move(session)),
                                        settings.kept_hours, settings.revocation_log);
  });
}

}  // namespace nexakey::store::postgres
