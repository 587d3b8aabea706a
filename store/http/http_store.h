#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/time.h"
#include "store/access.h"
#include "store/certificate.h"
#include "store/health.h"
#include "store/key_store.h"

namespace nexakey::store::http {

/// A store behind `nexakey serve`, on another machine or a Unix socket. Sends nothing before the
/// first operation. `rest` is what follows the colon of the URL, as Url::parse takes it.
core::Result<std::unique_ptr<KeyStore>> open_store(std::string_view scheme, const std::string& rest,
                                                   const RemoteAccess& access);

/// The certificate of the server, which has been verified; nothing without TLS.
core::Result<std::optional<Certificate>> find_certificate(std::string_view scheme,
                                                          const std::string& rest,
                                                          const RemoteAccess& access);

/// Checks that the server can be reached and accepts the token, that its certificate is valid for
/// the next two weeks, and that its clock agrees with that of this machine.
core::Result<void> check_store(std::string_view scheme, const std::string& rest,
                               const RemoteAccess& access, const FindingVisitor& visit);

}  // namespace nexakey::store::http
