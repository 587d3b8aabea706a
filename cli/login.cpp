#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/access.h"
#include "cli/command.h"
#include "cli/contexts.h"
#include "cli/key_view.h"
#include "cli/table.h"
#include "cli/token_holder.h"
#include "core/json.h"
#include "core/text.h"
#include "core/usage.h"
#include "core/whoami.h"
#include "store/open.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey login https://keys.example.com\n"
    "nexakey login https://keys.example.com --name prod -w sales\n"
    "nexakey login unix:/run/nexakey/auth.sock --name local";

struct Options {
  std::string url;
  std::optional<std::string> name{};
};

/// A login that succeeded.
struct Login {
  std::string name;
  ContextFile context;
  std::optional<store::Certificate> certificate{};
  std::optional<core::Whoami> whoami{};  ///< none: the server is older and does not tell
  bool is_default = false;
};

/// The name of a context by default: the host of its URL.
std::string name_for(const std::string& url) {
  const std::size_t slashes = url.find("://");
  const std::size_t begin = slashes == std::string::npos ? url.size() : slashes + 3;
  std::string host = url.substr(begin, url.find_first_of("[:/", begin) - begin);
  if (host.empty()) {
    throw Failure{{core::ErrorCode::usage, "the URL has no host to name the context after",
                   "name it with --name"}};
  }
  return host;
}

/// The value of an option; not that of another source.
std::optional<std::string> option_in(const Settings& settings, std::string_view name) {
  for (const auto& [made, setting] : settings.made) {
    if (made == name && setting.origin == Origin::option && !setting.is_of_context) {
      return setting.value;
    }
  }
  return std::nullopt;
}

std::string absolute(const std::string& path) {
  if (path.empty()) {
    throw Failure{{core::ErrorCode::usage, "the name of a file is empty", ""}};
  }
  return std::filesystem::absolute(path).string();
}

/// The URL with an absolute path, because a context is used in any folder.
std::string absolute_url(const std::string& url) {
  constexpr std::string_view kUnix = "unix:";
  return url.starts_with(kUnix) ? std::string(kUnix) + absolute(url.substr(kUnix.size())) : url;
}

/// Asks the server who the holder of the token is.
void introduce(Login& login, const store::RemoteAccess& access) {
  login.certificate = value_of(store::find_certificate(login.context.store, access));
  const auto store = value_of(store::open(login.context.store, store::OpenMode::existing, access));
  auto whoami = store->whoami();
  if (!whoami && whoami.error().code == core::ErrorCode::not_found) {
    value_of(store->workspaces());  // an older server, which has to accept the token
    return;
  }
  login.whoami = value_of(std::move(whoami));
  const auto& only = login.whoami->workspace;
  if (only && login.context.workspace.value_or(*only) != *only) {
    throw Failure{{core::ErrorCode::usage, "the token is for the workspace " + *only,
                   "leave --workspace out, or use it with -w " + *only}};
  }
  if (only) {
    login.context.workspace = only;
  }
}

Login log_in(const Context& context, const Options& options) {
  if (option_in(context.settings, "store")) {
    throw Failure{{core::ErrorCode::usage, "login takes the URL of the server as an argument",
                   "leave --store out"}};
  }
  if (!store::is_remote(options.url)) {
    throw Failure{{core::ErrorCode::usage, core::quote(options.url) + " is not the URL of a server",
                   "use https://HOST[:PORT] or unix:PATH; a store in a file needs no login"}};
  }
  Login login{.name = options.name ? *options.name : name_for(options.url),
              .context = {.store = absolute_url(options.url),
                          .token_file = {},
                          .workspace = option_in(context.settings, "workspace"),
                          .timeout = option_in(context.settings, "timeout")}};
  check_context_name(login.name);
  if (const auto ca_file = option_in(context.settings, "ca_file")) {
    login.context.ca_file = absolute(*ca_file);
  }
  if (const auto store = context_store(login.name)) {
    context.require_yes("Replace the context " + login.name + ", whose store is " + *store + "?",
                        "replacing a context");
  }

  Settings settings = context.settings;
  settings.store = {.value = login.context.store, .origin = Origin::option, .source = "URL"};
  settings.withheld_token_file.reset();
  store::RemoteAccess access = remote_access(settings);
  if (const auto file = option_in(settings, "token_file")) {
    login.context.token_file = absolute(*file);
    introduce(login, access);
  } else {
    const core::Secret token = read_secret(context.terminal, "Token: ");
    access.token_name = "the token";
    access.token = [&]() { return check_token(token, "the input"); };
    introduce(login, access);
    login.context.token_file = write_context_token(login.name, token);
  }
  write_context(login.name, login.context);
  try {
    login.is_default = make_default(login.name);
  } catch (const Failure& failure) {  // the context can be used all the same
    print_note("nexakey: " + failure.error.message);
  }
  return login;
}

std::string describe(const store::Certificate& certificate) {
  return certificate.subject + ", issued by " + certificate.issuer +
         (certificate.expires_at ? ", valid until " + core::name_of_day(*certificate.expires_at)
                                 : "");
}

void print_fields(Context& context, const Login& login) {
  const KeyView view(context);
  std::vector<std::pair<std::string, Cell>> fields{
      {"context", login.name},
      {"server", login.context.store +
                     (login.whoami ? ", nexakey " + login.whoami->version : ", an older version")}};
  if (login.certificate) {
    fields.emplace_back("certificate", core::printable(describe(*login.certificate)));
  }
  if (login.whoami) {
    fields.emplace_back("you", core::printable(describe_holder(view, *login.whoami)));
  }
  fields.emplace_back("workspace",
                      login.context.workspace.value_or(std::string(core::kDefaultWorkspace)));
  fields.emplace_back("token", login.context.token_file.string());
  context.out.write(render_fields(fields, view.style()));
  context.out.flush();
  print_note(login.is_default
                 ? "Commands use this context from now on"
                 : "Use it with --context " + login.name + ", or set context = \"" + login.name +
                       "\" in " + user_config_path().value_or("").string());
}

void print_json(Context& context, const Login& login) {
  core::JsonWriter json(context.out.buffer());
  json.begin_object().name("context").string(login.name);
  json.name("default").boolean(login.is_default);
  json.name("store").string(login.context.store);
  json.name("token_file").string(login.context.token_file.string());
  json.name("workspace");
  login.context.workspace ? json.string(*login.context.workspace) : json.null();
  json.name("certificate");
  if (login.certificate) {
    json.begin_object().name("subject").string(login.certificate->subject);
    json.name("issuer").string(login.certificate->issuer).name("expires_at");
    const auto& end = login.certificate->expires_at;
    end ? json.plain(core::format_time(*end)) : json.null();
    json.end_object();
  } else {
    json.null();
  }
  json.name("token");
  if (login.whoami) {
    core::write_whoami(json, *login.whoami);
  } else {
    json.null();
  }
  json.end_object();
  context.out.write("\n");
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("URL", options->url, "The server: https://HOST[:PORT] or unix:PATH")
      ->type_name("URL")
      ->required();
  app.add_option("--name", options->name, "The name of the context (default: the host)")
      ->type_name("NAME");
  app.footer(kExamples);
  return [options](Context& context) {
    const Login login = log_in(context, *options);
    if (context.settings.format != Format::table) {
      print_json(context, login);
    } else if (context.settings.quiet) {
      context.out.write(login.name + "\n");
    } else {
      print_fields(context, login);
    }
    return ExitStatus::done;
  };
}

}  // namespace

const Command kLogin{.name = "login",
                     .summary = "Keep a server and your token for it as a context",
                     .attach = attach,
                     .uses_context = false};

}  // namespace nexakey::cli
