#pragma once

#include <concepts>
#include <string>

#include "core/error.h"
#include "core/json_writer.h"
#include "server/http.h"

namespace nexakey::server {

/// 200 for a JSON document that is written to its body.
HttpResponse empty_json_response();

/// 200 with the document that `write` writes.
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

/// A problem document about the store for a client that has shown no valid token. Only the log gets
/// the message of the error, which may say where the store is.
HttpResponse store_problem(const core::Error& error);

}  // namespace nexakey::server
