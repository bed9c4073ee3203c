-- Logins with the sample data's password: hashing it is meant to be slow.
local headers = {["Content-Type"] = "application/json"}
function request()
    return wrk.format("POST", "/api/auth/login", headers, '{"username": "platform_admin", "password": "password"}')
end
