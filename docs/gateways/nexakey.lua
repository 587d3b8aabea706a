-- The action lua.nexakey of haproxy.cfg: asks nexakey whether a request may pass.

local NEXAKEY = "unix@/run/nexakey/auth.sock"
local TIMEOUT = 5000 -- milliseconds

-- What of a client's request nexakey decides by, besides method, path and address.
local ASKED = {
  "authorization", "x-api-key", "x-http-method-override", "x-http-method", "x-method-override",
}
local IDENTITY = {
  "x-nexakey-status", "x-nexakey-key-id", "x-nexakey-workspace", "x-nexakey-scopes",
  "x-nexakey-client-ip",
}
local DENIAL = {
  "content-type", "cache-control", "www-authenticate", "retry-after", "x-ratelimit-limit",
  "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit-policy", "ratelimit",
}
-- The variables of haproxy.cfg that take the limits of an admitted request.
local LIMITS = {
  limit = "x-ratelimit-limit", remaining = "x-ratelimit-remaining", reset = "x-ratelimit-reset",
  policy = "ratelimit-policy", limits = "ratelimit",
}

local UNAVAILABLE = '{"status":503,"title":"the API key cannot be checked","error":'
  .. '{"code":"store_unavailable","message":"the API key cannot be checked",'
  .. '"hint":"try again later"}}\n'

local function ask(txn)
  local client = txn.http:req_get_headers()
  local headers = {
    ["host"] = { "nexakey" },
    ["x-forwarded-method"] = { txn.sf:method() },
    ["x-forwarded-uri"] = { txn.sf:pathq() },
    ["x-forwarded-for"] = { txn.sf:src() },
  }
  for _, name in ipairs(ASKED) do
    headers[name] = client[name]
  end
  return core.httpclient():get {
    url = "http://nexakey/auth/forward", dst = NEXAKEY, headers = headers, timeout = TIMEOUT,
  }
end

local function allow(txn, answer)
  for _, name in ipairs(IDENTITY) do
    if answer.headers[name] then
      txn.http:req_set_header(name, answer.headers[name][0])
    end
  end
  for variable, name in pairs(LIMITS) do
    if answer.headers[name] then
      txn:set_var("txn.nexakey_" .. variable, answer.headers[name][0])
    end
  end
  txn:set_var("txn.nexakey_status", 200)
end

local function deny(txn, answer)
  local is_decided = answer.status == 401 or answer.status == 403 or answer.status == 429
  local reply = txn:reply { status = is_decided and answer.status or 503 }
  if is_decided then
    for _, name in ipairs(DENIAL) do
      if answer.headers[name] then
        reply:add_header(name, answer.headers[name][0])
      end
    end
    reply:set_body(answer.body)
  else
    reply:add_header("content-type", "application/problem+json")
    reply:add_header("cache-control", "no-store")
    reply:set_body(UNAVAILABLE)
  end
  txn:done(reply)
end

core.register_action("nexakey", { "http-req" }, function(txn)
  local answer = ask(txn)
  if answer.status == 200 then
    allow(txn, answer)
  else
    deny(txn, answer)
  end
end)
