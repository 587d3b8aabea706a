#include "server/tls.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tests/support/keys.h"
#include "tests/support/temporary_directory.h"

namespace nexakey::server {
namespace {

using test::value_of;

/// The files of a self-signed certificate and its key.
TlsFiles make_files(const test::TemporaryDirectory& folder, const std::string& name) {
  TlsFiles files{.certificate = folder / (name + ".crt"), .key = folder / (name + ".key")};
  const std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                  EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&::X509_free)> certificate(X509_new(), X509_free);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* const subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  const auto write = [](const std::string& path, const auto& to) {
    const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::fopen(path.c_str(), "w"),
                                                                  std::fclose);
    to(file.get());
  };
  write(files.certificate, [&](std::FILE* file) { PEM_write_X509(file, certificate.get()); });
  write(files.key, [&](std::FILE* file) {
    PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  std::filesystem::permissions(
      files.key, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return files;
}

/// The client's end, with the library that the test is linked with.
class Client {
 public:
  Client() : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {}

  SSL_CTX* context() { return context_.get(); }

  void start() {
    handle_.reset(SSL_new(context_.get()));
    SSL_set_bio(handle_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(handle_.get());
  }

  /// Takes the server's bytes, and returns the response to them. Appends the text to `heard`.
  std::string exchange(const std::string& from_server) {
    BIO_write(SSL_get_rbio(handle_.get()), from_server.data(),
              static_cast<int>(from_server.size()));
    std::array<char, 4096> piece{};
    int count = 0;
    while ((count = SSL_read(handle_.get(), piece.data(), piece.size())) > 0) {
      heard.append(piece.data(), static_cast<std::size_t>(count));
    }
    return take();
  }
  std::string say(const std::string& text) {
    SSL_write(handle_.get(), text.data(), static_cast<int>(text.size()));
    return take();
  }
  std::string end() {
    SSL_shutdown(handle_.get());
    return take();
  }
  SSL* handle() { return handle_.get(); }

  std::string heard;

 private:
  std::string take() {
    std::string out(BIO_ctrl_pending(SSL_get_wbio(handle_.get())), '\0');
    BIO_read(SSL_get_wbio(handle_.get()), out.data(), static_cast<int>(out.size()));
    return out;
  }

  std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&::SSL_free)> handle_{nullptr, SSL_free};
};

/// Exchanges bytes until neither end has more to send. Appends the text that the server received.
TlsSession::State talk(Client& client, TlsSession& server, std::string& text) {
  auto state = TlsSession::State::open;
  std::string from_server;
  for (;;) {
    const std::string from_client = client.exchange(from_server);
    from_server.clear();
    if (from_client.empty()) {
      return state;
    }
    state = server.receive(from_client, text, from_server);
  }
}

struct Pair {
  test::TemporaryDirectory folder = test::TemporaryDirectory::in_memory();
  TlsFiles files = make_files(folder, "a");
  std::shared_ptr<const TlsContext> context = value_of(TlsContext::load(files));
  TlsSession server{*context};
  Client client;
  std::string text;
};

TEST_CASE_FIXTURE(Pair, "text goes both ways, in either version") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    TlsSession session(*context);
    Client other;
    SSL_CTX_set_min_proto_version(other.context(), version);
    SSL_CTX_set_max_proto_version(other.context(), version);
    other.start();
    text.clear();
    CHECK(talk(other, session, text) == TlsSession::State::open);
    REQUIRE(session.is_established());
    std::string out;
    CHECK(session.receive(other.say("hello"), text, out) == TlsSession::State::open);
    CHECK(text == "hello");
    const std::string answer(100000, 'a');
    CHECK(session.send(answer, out));
    CHECK(session.send("", out));
    CHECK(session.receive(other.exchange(out), text, out) == TlsSession::State::open);
    CHECK(other.heard == answer);
    CHECK(session.receive(other.end(), text, out) == TlsSession::State::ended);
    out.clear();
    session.end(out);
    CHECK(!out.empty());
  }
}

TEST_CASE_FIXTURE(Pair, "older versions and weak ciphers are refused") {
  SUBCASE("version") {
    SSL_CTX_set_security_level(client.context(), 0);
    SSL_CTX_set_min_proto_version(client.context(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(client.context(), TLS1_1_VERSION);
  }
  SUBCASE("cipher") {
    SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(client.context(), "AES128-SHA:ECDHE-ECDSA-AES128-SHA");
  }
  client.start();
  CHECK(talk(client, server, text) == TlsSession::State::failed);
  CHECK(!server.is_established());
}

TEST_CASE_FIXTURE(Pair, "renegotiation is refused") {
  SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
  client.start();
  talk(client, server, text);
  REQUIRE(server.is_established());
  SSL_renegotiate(client.handle());
  SSL_do_handshake(client.handle());
  talk(client, server, text);
  CHECK(SSL_is_init_finished(client.handle()) == 0);
}

TEST_CASE_FIXTURE(Pair, "ALPN selects HTTP/1.1 or nothing") {
  const auto offer = [&](std::string_view protocols) {
    SSL_CTX_set_alpn_protos(client.context(),
                            reinterpret_cast<const unsigned char*>(protocols.data()),
                            static_cast<unsigned int>(protocols.size()));
    client.start();
    talk(client, server, text);
    const unsigned char* chosen = nullptr;
    unsigned int length = 0;
    SSL_get0_alpn_selected(client.handle(), &chosen, &length);
    return std::string(reinterpret_cast<const char*>(chosen), length);
  };
  SUBCASE("offered second") {
    CHECK(offer("\x02h2\x08http/1.1") == "http/1.1");
    CHECK(server.is_established());
  }
  SUBCASE("not offered, but a protocol that contains its name") {
    CHECK(offer("\x02h2\x0ax\x08http/1.1"
                "\x08http/1.0")
              .empty());
    CHECK(!server.is_established());
  }
  SUBCASE("nothing is offered") {
    client.start();
    talk(client, server, text);
    CHECK(server.is_established());
  }
}

TEST_CASE_FIXTURE(Pair, "a handshake may arrive in single bytes, and a broken one fails") {
  client.start();
  const std::string hello = client.exchange("");
  std::string out;
  for (const char c : hello) {
    CHECK(server.receive({&c, 1}, text, out) == TlsSession::State::open);
  }
  const std::string finish = client.exchange(out);
  server.receive(finish, text, out);
  CHECK(server.is_established());

  std::mt19937_64 random(1);  // always the same changes
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = hello;
    const auto count = 1 + random() % 4;
    for (std::uint64_t change = 0; change < count; ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    bytes.resize(random() % 4 == 0 ? random() % bytes.size() : bytes.size());
    TlsSession session(*context);
    session.receive(bytes, text, out);
    session.receive("", text, out);
    session.send("x", out);
    session.end(out);
    CHECK(!session.is_established());
  }
  CHECK(text.empty());

  for (const std::string nonsense : {"GET / HTTP/1.1\r\n\r\n", "\r\n\r\n\r\n", "\x16\x03\x01"}) {
    TlsSession session(*context);
    session.receive(nonsense, text, out);
    CHECK(!session.is_established());
    CHECK(!session.send("x", out));
  }
}

TEST_CASE("a certificate or key that cannot be used is refused with the reason") {
  const auto folder = test::TemporaryDirectory::in_memory();
  const TlsFiles good = make_files(folder, "a");
  const TlsFiles other = make_files(folder, "b");
  const std::string broken = folder / "broken";
  std::ofstream(broken) << "nonsense\n";
  std::filesystem::permissions(broken, std::filesystem::perms::owner_read);
  CHECK(TlsContext::load(good));
  for (const TlsFiles& files :
       {TlsFiles{good.certificate, other.key}, TlsFiles{good.certificate, broken},
        TlsFiles{broken, good.key}, TlsFiles{folder / "none", good.key},
        TlsFiles{good.certificate, folder / "none"}}) {
    const auto loaded = TlsContext::load(files);
    REQUIRE(!loaded);
    CHECK_MESSAGE(loaded.error().message.find(": ") != std::string::npos, loaded.error().message);
  }
  std::filesystem::permissions(good.key, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  const auto open = TlsContext::load(good);
  REQUIRE(!open);
  CHECK(open.error().message.find("accessible to all users") != std::string::npos);
}

TEST_CASE("an encrypted key does not prompt for a password") {
  const auto folder = test::TemporaryDirectory::in_memory();
  const TlsFiles files = make_files(folder, "a");
  const std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                  EVP_PKEY_free);
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::fopen(files.key.c_str(), "w"),
                                                                std::fclose);
  PEM_write_PKCS8PrivateKey(file.get(), key.get(), EVP_aes_256_cbc(), "secret", 6, nullptr,
                            nullptr);
  std::fflush(file.get());
  CHECK(!TlsContext::load(files));
}

}  // namespace
}  // namespace nexakey::server
