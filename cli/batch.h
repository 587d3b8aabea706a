#pragma once

#include "cli/context.h"
#include "cli/exit_status.h"
#include "store/key_store.h"

namespace nexakey::cli {

/// Reads requests from standard input, one JSON object per line, and writes one line per request,
/// in order: the decision, or an error for an invalid request.
///
/// Decisions are flushed whenever no more input is available, so that another process can send a
/// request and wait for the decision. Returns at the end of the input. If the store fails, the
/// command ends; requests without a decision are denied.
ExitStatus verify_batch(Context& context, store::KeyStore& store,
                        const store::VerifyOptions& options);

}  // namespace nexakey::cli
