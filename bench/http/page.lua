-- The newest page of call records over all sellers, by cursor.
local headers = {["Cookie"] = os.getenv("BENCH_COOKIE")}
function request()
    return wrk.format("GET", "/api/admin/logs?after=&per_page=50", headers)
end
