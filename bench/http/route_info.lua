-- Dry runs over the 1,000 campaigns of bench/data.sql.
local headers = {["X-Internal-API-Token"] = os.getenv("INTERNAL_API_TOKEN")}
function request()
    return wrk.format("GET", string.format("/api/internal/route_info?did=%%2B1777%07d", math.random(1, 1000)), headers)
end
