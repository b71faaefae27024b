-- Asks countersign whether a request may pass, and who sent it. Called by Apache's mod_lua (countersign.conf).

local socket = require "socket"

local host, port, path = "127.0.0.1", 8700, "/verify"
-- Seconds until a connection stands, and until the answer is there. Then nobody is let in. Nothing is tried twice: a proof that
-- works once may be used up then.
local patience = 5
-- An answer of countersign's is a few kilobytes; more is none.
local longest = 262144

-- Headers between two hops, and those that we write ourselves: the caller's never reach countersign.
local dropped = {
  ["connection"] = true, ["keep-alive"] = true, ["proxy-connection"] = true, ["proxy-authenticate"] = true,
  ["proxy-authorization"] = true, ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true,
  ["http2-settings"] = true, ["expect"] = true, ["content-length"] = true, ["host"] = true, ["forwarded"] = true,
}

-- What of a refusal reaches the caller.
local told = { "WWW-Authenticate", "Countersign-Reject", "Countersign-Time", "Cache-Control", "Retry-After" }

-- What reaches the caller beside the upstream's answer, on routes with `mode = "warn"`.
local warned = { "Countersign-Warning", "Countersign-Reject" }

-- Letters and digits alone tell names apart; everything else is one sign to careless servers.
local function plain(name)
  return (name:lower():gsub("[^a-z0-9]", "-"))
end

local function begins(name, with)
  return name:sub(1, #with) == with
end

-- Our own family, and what is said about where the request came from.
local function is_ours(name)
  local name = plain(name)
  return name == "x-countersign" or begins(name, "x-countersign-") or begins(name, "x-forwarded-")
    or begins(name, "x-original-") or name == "forwarded"
end

local function ask(question)
  local one = assert(socket.tcp())
  one:settimeout(patience, "t")
  local ok, why = one:connect(host, port)
  if ok then ok, why = one:send(question) end
  local text = ""
  while ok and #text < longest do
    local piece, broken, rest = one:receive(8192)
    text = text .. (piece or rest or "")
    if not piece then
      if broken ~= "closed" then ok, why = nil, broken end
      break
    end
  end
  one:close()
  if not ok then return nil, why end
  local head, body = text:match("^(.-\r\n)\r\n(.*)$")
  local status = head and tonumber(head:match("^HTTP/1%.1 (%d%d%d) "))
  if not status then return nil, "no answer" end
  local headers = {}
  for name, value in head:gmatch("\r\n([^:\r\n]+): ?([^\r\n]*)") do
    headers[name:lower()] = value
  end
  if tonumber(headers["content-length"] or "") ~= #body then return nil, "half an answer" end
  return { status = status, headers = headers, body = body }
end

local function refuse(r, status, answer)
  for _, name in ipairs(told) do
    local value = answer and answer.headers[name:lower()]
    if value then r.err_headers_out[name] = value end
  end
  if status == 503 then r.err_headers_out["Retry-After"] = "1" end
  return status
end

function check(r)
  local sent, lines = r:headers_in_table(), {}
  for name, value in pairs(sent) do
    if not dropped[name:lower()] and not is_ours(name) then
      lines[#lines + 1] = name .. ": " .. value
    end
  end
  local target = r.unparsed_uri
  local body = sent["Transfer-Encoding"] and "chunked" or sent["Content-Length"]
  for _, line in ipairs {
    -- The question's own host: the caller's, where it is none, would be refused before it is judged.
    "Host: countersign",
    "Connection: close",
    "X-Forwarded-Method: " .. r.method,
    -- Path and query as they came, not decoded.
    "X-Forwarded-Uri: " .. target,
    "X-Forwarded-Proto: " .. (r.is_https and "https" or "http"),
    "X-Forwarded-Host: " .. (sent["Host"] or ""),
    "X-Forwarded-For: " .. r.useragent_ip,
    body and "X-Original-Content-Length: " .. body,
  } do
    lines[#lines + 1] = line
  end
  local answer, why = ask("GET " .. path .. " HTTP/1.1\r\n" .. table.concat(lines, "\r\n") .. "\r\n\r\n")
  if not answer then
    r:err("countersign does not answer: " .. tostring(why))
    return refuse(r, 503)
  end
  if answer.status == 401 or answer.status == 403 or answer.status == 429 or answer.status == 431 then return refuse(r, answer.status, answer) end
  if answer.status ~= 200 then return refuse(r, 503, answer) end

  for name in pairs(sent) do
    -- Names with underscores and other odd signs go, too: upstreams may read X_Countersign_Account as X-Countersign-Account.
    if is_ours(name) or name:find("[^%w-]") then r.headers_in[name] = nil end
  end
  for name, value in pairs(answer.headers) do
    if begins(name, "x-countersign-") then r.headers_in[name] = value end
  end
  for _, name in ipairs(warned) do
    local value = answer.headers[name:lower()]
    if value then r.err_headers_out[name] = value end
  end
  -- Apache removes the headers that Connection names, ours among them: only what means something here stays in it.
  local kept = {}
  for word in (sent["Connection"] or ""):lower():gmatch("[^%s,]+") do
    if word == "close" or word == "keep-alive" or word == "upgrade" then kept[#kept + 1] = word end
  end
  r.headers_in["Connection"] = #kept > 0 and table.concat(kept, ", ") or nil
  r.headers_in["X-Forwarded-For"] = r.useragent_ip
  r.headers_in["X-Forwarded-Proto"] = r.is_https and "https" or "http"
  r.headers_in["X-Forwarded-Host"] = sent["Host"] or ""
  return apache2.DECLINED
end
