-- Records of calls that were never routed, each with a name of its own.
local headers = {
    ["X-Internal-API-Token"] = os.getenv("INTERNAL_API_TOKEN"),
    ["Content-Type"] = "application/json",
}
math.randomseed(os.time())
local run, number = string.format("%d-%d", os.time(), math.random(1, 1000000000)), 0
function request()
    number = number + 1
    local body = string.format(
        '{"asteriskUniqueid": "h-%s-%d", "incomingDidNumber": "+1777%07d", "callStatus": "BUSY", "timestampStart": "2026-01-01T00:00:00Z"}',
        run, number, math.random(1, 1000))
    return wrk.format("POST", "/api/internal/log_call", headers, body)
end
