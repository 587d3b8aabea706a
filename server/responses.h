#pragma once

#include <concepts>
#include <string>

#include "core/error.h"
#include "core/json_writer.h"
#include "server/http.h"

namespace nexakey::server {

/// A 200 response to whose body the caller appends a JSON document.
HttpResponse empty_json_response();

/// A 200 response with the document that `write` writes.
template <std::invocable<core::JsonWriter&> Write>
HttpResponse json_response(const Write& write) {
  HttpResponse response = empty_json_response();
  core::JsonWriter json(response.body);
  write(json);
  response.body += '\n';
  return response;
}

/// The HTTP status for an error.
int status_of(core::ErrorCode code);

/// A problem document (RFC 9457) with the error as the command line prints it.
HttpResponse problem(int status, const core::Error& error);
HttpResponse problem(const core::Error& error);

/// A problem document with 503 for a client without a valid token. The message of the error, which
/// may say where the store is, goes only to the log.
HttpResponse store_problem(const core::Error& error);
/// The same for a client whose ID token cannot be verified, because of the store or of the issuer.
HttpResponse identity_problem(const core::Error& error);

}  // namespace nexakey::server
