-- Asks countersign whether a request may pass, and who sent it. Loaded by haproxy.cfg with lua-load.

-- The socket of `listen countersign`, and where countersign answers behind it.
local socket = "abns@countersign"
local url = "http://countersign/verify"

-- Headers between two hops, and those that we write ourselves: the caller's never reach countersign.
local dropped = {
  ["connection"] = true, ["keep-alive"] = true, ["proxy-connection"] = true, ["proxy-authenticate"] = true,
  ["proxy-authorization"] = true, ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true,
  ["http2-settings"] = true, ["expect"] = true, ["content-length"] = true, ["host"] = true, ["forwarded"] = true,
}

-- What of a refusal reaches the caller.
local told = {
  "www-authenticate", "countersign-reject", "countersign-time", "content-type", "cache-control", "retry-after",
}

-- Letters and digits alone tell names apart; everything else is one sign to careless servers.
local function plain(name)
  return (name:lower():gsub("[^a-z0-9]", "-"))
end

local function is_ours(name)
  local name = plain(name)
  return name == "x-countersign" or name:sub(1, 14) == "x-countersign-"
end

local function refuse(txn, status, headers, body)
  local reply = txn:reply()
  reply:set_status(status)
  for _, name in ipairs(told) do
    for _, value in pairs((headers or {})[name] or {}) do
      reply:add_header(name, value)
    end
  end
  if status == 503 then
    reply:del_header("retry-after")
    reply:add_header("Retry-After", "1")
  end
  reply:set_body(body or "")
  txn:done(reply)
end

core.register_action("countersign", { "http-req" }, function(txn)
  local sent = txn.http:req_get_headers()
  local question = {}
  for name, values in pairs(sent) do
    local own = name:sub(1, 12) == "x-forwarded-" or name:sub(1, 11) == "x-original-" or is_ours(name)
    if not dropped[name] and not own then
      local list = {}
      for index = 0, #values do
        if values[index] then list[#list + 1] = values[index] end
      end
      question[name] = list
    end
  end
  -- The question's own host: the caller's, where it is none, would be refused before it is judged.
  question["host"] = { "countersign" }
  question["x-forwarded-method"] = { txn.f:method() }
  -- Path and query as they came, not decoded.
  question["x-forwarded-uri"] = { txn.f:pathq() }
  question["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" }
  question["x-forwarded-host"] = { sent["host"] and sent["host"][0] or "" }
  question["x-forwarded-for"] = { txn.f:src() }
  if sent["transfer-encoding"] then
    question["x-original-content-length"] = { "chunked" }
  elseif sent["content-length"] then
    question["x-original-content-length"] = { sent["content-length"][0] }
  end

  -- The body goes along when all of it is here; a length that does not fit tells countersign that it was cut.
  local body = txn.f:req_body()
  local whole = body and #body > 0 and sent["content-length"] and tonumber(sent["content-length"][0]) == #body
  local client = core.httpclient()
  local answer = client[whole and "post" or "get"](client, {
    url = url,
    dst = socket,
    headers = question,
    body = whole and body or nil,
    timeout = 4000,
  })
  if not answer or answer.status == nil or answer.status == 0 then
    return refuse(txn, 503)
  end
  if answer.status == 401 or answer.status == 403 or answer.status == 429 or answer.status == 431 then
    return refuse(txn, answer.status, answer.headers, answer.body)
  end
  if answer.status ~= 200 then
    return refuse(txn, 503, answer.headers, answer.body)
  end

  for name, _ in pairs(sent) do
    if is_ours(name) then txn.http:req_del_header(name) end
  end
  for name, values in pairs(answer.headers) do
    if is_ours(name) then
      for _, value in pairs(values) do txn.http:req_set_header(name, value) end
    end
  end
  for _, name in ipairs({ "warning", "reject" }) do
    for _, value in pairs(answer.headers["countersign-" .. name] or {}) do
      txn:set_var("txn.countersign_" .. name, value)
    end
  end
  txn:set_var("txn.countersign", "passed")
end)
