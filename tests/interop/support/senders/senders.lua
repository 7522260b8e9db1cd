-- LuaSocket sends the letters that sending_libraries_test.ts names; it speaks no TLS.
--
-- Usage: senders.lua LIBRARY HOST PORT USER PASSWORD
local smtp = require("socket.smtp")
local mime = require("mime")
local ltn12 = require("ltn12")

local library, host, port, user, password = arg[1], arg[2], arg[3], arg[4], arg[5]
local data = "\0\r\n.\r\n\n\255"

local function send(name, body, to)
  local rcpt = {}
  for _, one in ipairs(to or { user }) do rcpt[#rcpt + 1] = "<" .. one .. ">" end
  return smtp.send({
    from = "<" .. user .. ">", rcpt = rcpt, server = host, port = tonumber(port), user = user, password = password,
    source = smtp.message({ headers = { from = user, to = user, subject = library .. " " .. name }, body = body }),
  })
end

assert(send("dots", ".\n..\n.profile\nlast\n"))
assert(send("html", {
  { headers = { ["content-type"] = "text/html" }, body = "<p>Hello</p>" },
  {
    headers = {
      ["content-type"] = "application/octet-stream", ["content-transfer-encoding"] = "BASE64",
      ["content-disposition"] = 'attachment; filename="data.bin"',
    },
    body = ltn12.source.chain(ltn12.source.string(data), ltn12.filter.chain(mime.encode("base64"), mime.wrap())),
  },
}))
local three, why = send("three", "x", { user, "marshall@localhost", "nobody@localhost" })
assert(not three and why:find("550"), why)
local first, full = send("first", (string.rep("x", 70) .. "\r\n"):rep(4000), { "small@localhost" })
assert(not first and full:find("452"), full)
assert(send("second", "x"))
