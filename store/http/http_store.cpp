#include "store/http/http_store.h"

#include "store/http/connection.h"
#include "store/http/remote_store.h"

namespace nexakey::store::http {

Result<std::unique_ptr<KeyStore>> open_store(std::string_view scheme, const std::string& rest,
                                             const RemoteAccess& access) {
  return Url::parse(scheme, rest)
      .and_then([&](Url url) { return Connection::open(std::move(url), access); })
      .map([](Connection connection) -> std::unique_ptr<KeyStore> {
        return std::make_unique<RemoteStore>(std::move(connection));
      });
}

}  // namespace nexakey::store::http
