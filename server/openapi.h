#pragma once

#include <string_view>

namespace nexakey::server {

/// openapi.json: what the server speaks, as an OpenAPI 3.1 document.
extern const std::string_view kOpenApi;

}  // namespace nexakey::server
