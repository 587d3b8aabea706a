#pragma once

#include <string>

#include "core/error.h"
#include "core/time.h"
#include "core/token.h"
#include "server/issuer_keys.h"
#include "server/permission.h"
#include "store/served_store.h"

namespace nexakey::server {

/// A client that has proven its identity with an ID token.
struct Identity {
  core::Token token;    ///< the trust that it has the rights of, until the ID token expires
  std::string subject;  ///< who it is
};

/// Verifies ID tokens. May be used by any number of threads, each with its own store. One of them
/// may take as long as an issuer takes to answer.
class Identities {
 public:
  explicit Identities(Fetch fetch) : keys_(std::move(fetch)) {}

  /// The identity that an ID token proves, by the trusts that the store has now. Of several trusts
  /// that match, one that has the permission is taken. Errors: `forbidden`, with the reason;
  /// `failed`, if the keys of the issuer are not known; those of the store.
  core::Result<Identity> verify(store::ServedStore& store, const std::string& text,
                                Permission permission, core::Time now);

 private:
  IssuerKeys keys_;
};

}  // namespace nexakey::server
