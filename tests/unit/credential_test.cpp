#include "core/credential.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "system/random.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

const std::string kKey(test::kSomeApiKey);
const std::string kToken = "nxk_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcd";

TEST_CASE("Exactly the keys and tokens in a text are masked") {
  struct Row {
    std::string text;
    std::string masked;
  };
  const std::vector<Row> rows{
      {"", ""},
      {"fc_live_ nxk_", "fc_live_ nxk_"},
      {kKey, "fc_live_…"},
      {kToken, "nxk_…"},
      {"a " + kKey + " b", "a fc_live_… b"},
      {kKey + kKey, "fc_live_…fc_live_…"},
      {kToken + "," + kToken, "nxk_…,nxk_…"},
      {kToken + kKey + kToken, "nxk_…fc_live_…nxk_…"},
      {"fc_live_" + kKey, "fc_live_fc_live_…"},
      {"fc_live_" + kToken, "fc_live_nxk_…"},
      {"nxk_nxk_" + kToken, "nxk_nxk_nxk_…"},
      {"nxk_" + kKey, "nxk_fc_live_…"},
      {kKey.substr(0, 35), kKey.substr(0, 35)},
      {kToken.substr(0, 43), kToken.substr(0, 43)},
      {kToken.substr(0, 43) + " " + kToken, kToken.substr(0, 43) + " nxk_…"},
      // Two that overlap: both are found.
      {kToken.substr(0, 43) + kToken, "nxk_…xk_…"},
      {kKey.substr(0, 35) + kToken, "fc_live_…xk_…"},
      {kToken.substr(0, 42) + kKey, "nxk_…_live_…"},
      {kKey.substr(0, 34) + kKey + kToken, "fc_live_…_live_…nxk_…"},
      {"NXK_" + kToken.substr(4), "NXK_" + kToken.substr(4)},
      {std::string(1, '\0') + kKey, std::string(1, '\0') + "fc_live_…"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(mask_credentials(row.text) == row.masked);
    CHECK(contains_credential(row.text) == (row.text != row.masked));
    CHECK_FALSE(contains_credential(row.masked));
  }
}

TEST_CASE("All credentials of a form are found") {
  struct Row {
    const CredentialForm* form;
    std::string text;
    std::vector<std::size_t> places;
  };
  const std::vector<Row> rows{
      {&kApiKeyForm, "", {}},
      {&kApiKeyForm, kToken, {}},
      {&kTokenForm, kKey, {}},
      {&kApiKeyForm, kKey, {0}},
      {&kApiKeyForm, "--" + kKey + kKey + " " + kToken + kKey, {2, 38, 119}},
      {&kTokenForm, "--" + kKey + kKey + " " + kToken + kKey, {75}},
      {&kTokenForm, "nxk_" + kToken + "nxk_" + kToken.substr(4, 39) + kToken, {4, 48, 91}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    std::vector<std::size_t> places;
    for (std::size_t at = row.form->find_in(row.text); at != std::string::npos;
         at = row.form->find_in(row.text, at + 1)) {
      places.push_back(at);
    }
    CHECK(places == row.places);
  }
  CHECK(kApiKeyForm.find_in(kKey, 1000) == std::string::npos);
}

TEST_CASE("A token is nxk_ and 40 letters and digits") {
  const Secret token = kTokenForm.generate(system::random_bytes);
  CHECK(token.reveal().size() == 44);
  CHECK(kTokenForm.matches(token.reveal()));
  CHECK_FALSE(kApiKeyForm.matches(token.reveal()));
  struct Row {
    std::string text;
    bool matches;
  };
  for (const Row& row : std::vector<Row>{{kToken, true},
                                         {kToken + "e", false},
                                         {kToken.substr(0, 43), false},
                                         {kToken.substr(0, 43) + "-", false},
                                         {" " + kToken.substr(0, 43), false},
                                         {kKey, false},
                                         {"", false}}) {
    CAPTURE(row.text);
    CHECK(kTokenForm.matches(row.text) == row.matches);
  }
}

TEST_CASE("A hash is read from exactly 64 hexadecimal digits") {
  const CredentialHash hash = test::some_key().hash;
  const std::string text = to_hex(hash);
  CHECK(text == "f70a4f458ddd8a5b4be10e618cb9055e60ccd48311042f2980ef74c5ba9dd9b1");
  CHECK(hash_from_hex(text) == hash);
  for (const std::string& wrong : std::vector<std::string>{
           "", text.substr(1), text + "0", text + "00", "g" + text.substr(1), " " + text.substr(1),
           "+" + text.substr(1), "-" + text.substr(1), text.substr(2) + "0x"}) {
    CAPTURE(wrong);
    CHECK_FALSE(hash_from_hex(wrong).has_value());
  }
}

TEST_CASE("users and passwords in URLs are masked") {
  for (const auto& [text, masked] : std::vector<std::pair<std::string, std::string>>{
           {"no \"postgresql://u:p@ss@h/d\" here", "no \"postgresql://…@h/d\" here"},
           {"https://u:p@h and x://v@i", "https://…@h and x://…@i"},
           {"postgresql://u:pass", "postgresql://u:…"},
           {"postgresql://u:", "postgresql://u:…"},
           {"postgresql://u:/d", "postgresql://u:…"},
           {"postgresql://u: d", "postgresql://u:… d"},
           {"postgresql://u:!", "postgresql://u:…"},
           {"a@b x://h", "a@b x://h"},
           {"https://h:8443/a:b", "https://h:8443/a:b"},
           {"postgresql://[2001:db8::7]:5433/d", "postgresql://[2001:db8::7]:5433/d"},
           {"a ann@example.com b", "a ann@example.com b"},
           {"x://h/d?Password=p&a=b password=q", "x://h/d?Password=…&a=b password=…"},
           {"://", "://"},
           {"", ""}}) {
    CAPTURE(text);
    CHECK(mask_urls(text) == masked);
  }
}

}  // namespace
}  // namespace nexakey::core
