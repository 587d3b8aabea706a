#pragma once

#include <string_view>

namespace nexakey::server {

/// openapi.json: the contract of the API, an OpenAPI 3.1 document.
extern const std::string_view kOpenApi;

}  // namespace nexakey::server
