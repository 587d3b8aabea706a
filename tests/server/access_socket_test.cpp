#include "server/access_socket.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "store/open.h"
#include "tests/support/keys.h"
#include "tests/support/temporary_directory.h"

namespace nexakey::server {
namespace {

using test::value_of;

/// A gateway: writes datagrams to a socket, and waits while it is full.
class GatewayWorker {
 public:
  explicit GatewayWorker(const std::string& path) : descriptor_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, address.sun_path);
    REQUIRE(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
            0);
  }
  GatewayWorker(const GatewayWorker&) = delete;
  GatewayWorker& operator=(const GatewayWorker&) = delete;
  ~GatewayWorker() { ::close(descriptor_); }

  void send(const std::string& datagram) const {
    REQUIRE(::send(descriptor_, datagram.data(), datagram.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(datagram.size()));
  }

 private:
  int descriptor_;
};

TEST_CASE("upstream responses in an access log are counted before the socket is removed") {
  const auto folder = test::TemporaryDirectory::in_memory();
  const std::string url = "sqlite:" + (folder / "keys.db").string();
  const std::string path = folder / "log";
  const auto store = value_of(store::open(url, store::OpenMode::create_if_missing));
  const core::Key key = test::make_key(1);
  value_of(store->as(test::kTester).create(key, store::CreateMode::always, test::now()));

  LogMetrics metrics;
  auto socket = value_of(AccessSocket::bind(path));
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0660);
  socket->start(value_of(store::open(url, store::OpenMode::existing)), metrics);
  {
    const GatewayWorker gateway(path);
    const auto line = [&](const std::string& admitted, int answer) {
      return "<190>Nov 25 13:00:00 nginx: {\"key_id\":\"" + key.id.to_string() +
             "\",\"admitted\":\"" + admitted + "\",\"status\":" + std::to_string(answer) +
             ",\"method\":\"GET\",\"path\":\"/v1\"}";
    };
    for (int i = 0; i < 2000; ++i) {
      gateway.send(line("200", i % 2 == 0 ? 200 : 502));
      if (i % 100 == 0) {
        gateway.send("");
        gateway.send("nonsense");
        gateway.send(std::string(70000, 'x'));
        gateway.send(line("429", 429));
      }
    }
  }
  socket.reset();
  CHECK(!std::filesystem::exists(path));
  CHECK(metrics.recorded == 2000);
  CHECK(metrics.not_admitted == 20);
  CHECK(metrics.malformed == 60);
  const auto usage = value_of(store->usage({}, test::now()));
  CHECK(usage.total.upstream_errors == 1000);
  CHECK(usage.total.requests == 0);
}

TEST_CASE("a stale socket is replaced; one in use, and a file that is not a socket, are not") {
  const auto folder = test::TemporaryDirectory::in_memory();
  const std::string path = folder / "log";
  {
    const int left = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, address.sun_path);
    REQUIRE(::bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(!AccessSocket::bind(path));
    ::close(left);
  }
  CHECK(AccessSocket::bind(path));
  std::filesystem::create_directory(path);
  CHECK(!AccessSocket::bind(path));
  CHECK(!AccessSocket::bind(std::string(108, 'x')));
  CHECK(!AccessSocket::bind(""));
}

}  // namespace
}  // namespace nexakey::server
