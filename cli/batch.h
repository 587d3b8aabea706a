#pragma once

#include "cli/context.h"
#include "cli/exit_status.h"
#include "store/key_store.h"

namespace nexakey::cli {

/// Reads requests from standard input, a JSON object a line, and answers each in order with a line:
/// the decision, or an error for what is no request. Answers go out whenever no further input is
/// there, so that another process can ask and wait for the answer. Ends with the input; if the
/// store fails, the command ends, and what was not answered was not allowed.
ExitStatus verify_batch(Context& context, store::KeyStore& store,
                        const store::VerifyOptions& options);

}  // namespace nexakey::cli
