#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/time.h"
#include "store/access.h"
#include "store/health.h"
#include "store/key_store.h"

namespace nexakey::store::http {

/// A store on another machine, or behind a Unix socket, that `nexakey serve` keeps. Nothing is sent
/// before the first command. `rest` is what follows the colon of the URL; see http/url.h.
core::Result<std::unique_ptr<KeyStore>> open_store(std::string_view scheme, const std::string& rest,
                                                   const RemoteAccess& access);

/// Whether it can be reached, has a certificate to trust for the next two weeks, and takes the
/// token, and how far its clock is from that of this machine.
core::Result<void> check_store(std::string_view scheme, const std::string& rest,
                               const RemoteAccess& access, const FindingVisitor& visit);

}  // namespace nexakey::store::http
