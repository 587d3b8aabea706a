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

Result<std::optional<Certificate>> find_certificate(std::string_view scheme,
                                                    const std::string& rest,
                                                    const RemoteAccess& access) {
  return Url::parse(scheme, rest)
      .and_then([&](Url url) { return ApiClient::open(std::move(url), access); })
      .and_then([](ApiClient client) { return client.introduce(); })
      .map([](Introduction introduction) { return std::move(introduction.certificate); });
}

}  // namespace nexakey::store::http
