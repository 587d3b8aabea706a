#include "store/http/http_store.h"

#include "store/http/api_client.h"
#include "store/http/remote_store.h"

namespace nexakey::store::http {

Result<std::unique_ptr<KeyStore>> open_store(std::string_view scheme, const std::string& rest,
                                             const RemoteAccess& access) {
  return Url::parse(scheme, rest)
      .and_then([&](Url url) { return ApiClient::open(std::move(url), access); })
      .map([](ApiClient client) -> std::unique_ptr<KeyStore> {
        return std::make_unique<RemoteStore>(std::move(client));
      });
}

}  // namespace nexakey::store::http
