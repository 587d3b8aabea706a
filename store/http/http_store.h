#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "store/open.h"

namespace nexakey::store::http {

/// A store on another machine, or behind a Unix socket, that `nexakey serve` keeps. Nothing is sent
/// before the first command. `rest` is what follows the colon of the URL; see http/url.h.
core::Result<std::unique_ptr<KeyStore>> open_store(std::string_view scheme, const std::string& rest,
                                                   const Access& access);

/// Whether it can be reached, has a certificate to trust for the next two weeks, and takes the
/// token, and how far its clock is from that of this machine.
core::Result<void> check_store(std::string_view scheme, const std::string& rest,
                               const Access& access, const FindingVisitor& visit);

}  // namespace nexakey::store::http
