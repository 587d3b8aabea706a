#pragma once

#include <memory>

#include "store/engine.h"

namespace nexakey::store::test {

/// The smallest engine: everything is in memory, and each write changes a copy, which then replaces
/// the original. It proves that a backend needs to implement only Engine and Tables.
class MemoryEngine final : public Engine {
 public:
  struct Data;
  static std::shared_ptr<Data> make_data();

  /// Another connection to the same data. All connections belong to one thread.
  explicit MemoryEngine(std::shared_ptr<Data> data) : data_(std::move(data)) {}

  Result<void> read(const std::function<void(Tables&)>& work) override { return view(work); }
  Result<void> view(const std::function<void(Tables&)>& work) override;
  Result<void> write(Purpose purpose, const std::function<bool(Tables&)>& work) override;
  Result<std::vector<Verification>> verify(std::span<const core::Request> requests,
                                           const VerifyOptions& options) override;
  Result<void> record_responses(std::span<const core::UpstreamResponse> responses) override;

 private:
  std::shared_ptr<Data> data_;
};

}  // namespace nexakey::store::test
