//! Every route of the contract and who may use it, written down by hand: a route that appears, vanishes or changes hands
//! must be reviewed here. Beside it a body that is good enough to pass the checks of fields.

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Everybody,
    /// Any role, with a session or a token.
    LoggedIn,
    /// Any role, but not with a token.
    Session,
    Admin,
    Staff,
    Seller,
    Switch,
}

use Who::{Admin, Everybody, LoggedIn, Seller, Session, Staff, Switch};

pub const ROUTES: &[(&str, &str, Who)] = &[
    ("GET", "/health", Everybody),
    ("GET", "/ready", Everybody),
    ("POST", "/api/auth/login", Everybody),
    ("POST", "/api/auth/logout", Session),
    ("GET", "/api/auth/status", LoggedIn),
    ("PUT", "/api/auth/password", Session),
    ("POST", "/api/auth/password_links", Admin),
    ("POST", "/api/auth/new_password", Everybody),
    ("GET", "/api/auth/second_factor", Session),
    ("POST", "/api/auth/second_factor", Session),
    ("POST", "/api/auth/second_factor/confirm", Session),
    ("POST", "/api/auth/second_factor/recovery_codes", Session),
    ("POST", "/api/auth/second_factor/remove", Session),
    ("GET", "/api/auth/sessions", Session),
    ("DELETE", "/api/auth/sessions/{id}", Session),
    ("GET", "/api/auth/tokens", LoggedIn),
    ("POST", "/api/auth/tokens", Session),
    ("DELETE", "/api/auth/tokens/{id}", LoggedIn),
    ("GET", "/api/admin/users", Admin),
    ("POST", "/api/admin/users", Admin),
    ("GET", "/api/admin/users/{id}", Admin),
    ("PUT", "/api/admin/users/{id}", Admin),
    ("PATCH", "/api/admin/users/{id}", Admin),
    ("DELETE", "/api/admin/users/{id}", Admin),
    ("PUT", "/api/admin/users/{id}/password", Admin),
    ("DELETE", "/api/admin/users/{id}/second_factor", Admin),
    ("GET", "/api/admin/clients", Staff),
    ("POST", "/api/admin/clients", Staff),
    ("GET", "/api/admin/clients/{id}", Staff),
    ("PUT", "/api/admin/clients/{id}", Staff),
    ("PATCH", "/api/admin/clients/{id}", Staff),
    ("DELETE", "/api/admin/clients/{id}", Staff),
    ("PUT", "/api/admin/clients/{id}/pause", Staff),
    ("DELETE", "/api/admin/clients/{id}/pause", Staff),
    ("GET", "/api/admin/clients/{id}/capacity", Staff),
    ("PUT", "/api/admin/clients/{id}/capacity", Staff),
    ("DELETE", "/api/admin/clients/{id}/capacity", Staff),
    ("GET", "/api/admin/dids", Staff),
    ("POST", "/api/admin/dids", Staff),
    ("GET", "/api/admin/dids/{id}", Staff),
    ("PUT", "/api/admin/dids/{id}", Staff),
    ("PATCH", "/api/admin/dids/{id}", Staff),
    ("DELETE", "/api/admin/dids/{id}", Staff),
    ("GET", "/api/admin/campaigns", Staff),
    ("PUT", "/api/admin/campaigns/{id}/status", Staff),
    ("PUT", "/api/admin/campaigns/{id}/pause", Staff),
    ("DELETE", "/api/admin/campaigns/{id}/pause", Staff),
    ("GET", "/api/admin/links", Staff),
    ("PUT", "/api/admin/links/{id}", Staff),
    ("PATCH", "/api/admin/links/{id}", Staff),
    ("PUT", "/api/admin/links/{id}/status", Staff),
    ("PUT", "/api/admin/links/{id}/pause", Staff),
    ("DELETE", "/api/admin/links/{id}/pause", Staff),
    ("POST", "/api/admin/links/{id}/adjust", Staff),
    ("GET", "/api/admin/live", Staff),
    ("GET", "/api/admin/live_calls", Staff),
    ("POST", "/api/admin/live_calls/{uniqueid}/release", Staff),
    ("GET", "/api/admin/logs", Staff),
    ("GET", "/api/admin/logs.csv", Staff),
    ("GET", "/api/admin/logs/{id}", Staff),
    ("GET", "/api/admin/stats", Staff),
    ("GET", "/api/admin/explain", Staff),
    ("GET", "/api/admin/audit", Staff),
    ("GET", "/api/admin/audit.csv", Staff),
    ("GET", "/api/admin/nodes", Staff),
    ("GET", "/api/admin/registrations", Staff),
    ("GET", "/api/admin/rejects", Staff),
    ("GET", "/api/admin/attention", Staff),
    ("GET", "/api/admin/cap_events", Staff),
    ("GET", "/api/admin/caps", Staff),
    ("POST", "/api/admin/caps", Staff),
    ("GET", "/api/admin/caps/{id}", Staff),
    ("PUT", "/api/admin/caps/{id}", Staff),
    ("PATCH", "/api/admin/caps/{id}", Staff),
    ("DELETE", "/api/admin/caps/{id}", Staff),
    ("POST", "/api/admin/caps/{id}/adjust", Staff),
    ("GET", "/api/admin/callers", Staff),
    ("POST", "/api/admin/callers", Staff),
    ("POST", "/api/admin/callers/import", Staff),
    ("GET", "/api/admin/callers.csv", Staff),
    ("POST", "/api/admin/callers/erase", Staff),
    ("GET", "/api/admin/callers/{id}", Staff),
    ("DELETE", "/api/admin/callers/{id}", Staff),
    ("GET", "/api/seller/account", Seller),
    ("PUT", "/api/seller/account", Seller),
    ("PATCH", "/api/seller/account", Seller),
    ("GET", "/api/seller/callers", Seller),
    ("POST", "/api/seller/callers", Seller),
    ("POST", "/api/seller/callers/import", Seller),
    ("GET", "/api/seller/callers.csv", Seller),
    ("GET", "/api/seller/callers/{id}", Seller),
    ("DELETE", "/api/seller/callers/{id}", Seller),
    ("GET", "/api/admin/schedules", Staff),
    ("POST", "/api/admin/schedules", Staff),
    ("GET", "/api/admin/schedules/{id}", Staff),
    ("PUT", "/api/admin/schedules/{id}", Staff),
    ("PATCH", "/api/admin/schedules/{id}", Staff),
    ("DELETE", "/api/admin/schedules/{id}", Staff),
    ("POST", "/api/admin/schedules/{id}/exceptions/import", Staff),
    ("GET", "/api/seller/schedules", Seller),
    ("POST", "/api/seller/schedules", Seller),
    ("GET", "/api/seller/schedules/{id}", Seller),
    ("PUT", "/api/seller/schedules/{id}", Seller),
    ("PATCH", "/api/seller/schedules/{id}", Seller),
    ("DELETE", "/api/seller/schedules/{id}", Seller),
    ("POST", "/api/seller/schedules/{id}/exceptions/import", Seller),
    ("GET", "/api/seller/cap_events", Seller),
    ("GET", "/api/seller/caps", Seller),
    ("POST", "/api/seller/caps", Seller),
    ("GET", "/api/seller/caps/{id}", Seller),
    ("PUT", "/api/seller/caps/{id}", Seller),
    ("PATCH", "/api/seller/caps/{id}", Seller),
    ("DELETE", "/api/seller/caps/{id}", Seller),
    ("GET", "/api/seller/dids", Seller),
    ("POST", "/api/seller/dids", Seller),
    ("POST", "/api/seller/dids/import", Seller),
    ("GET", "/api/seller/dids/{id}", Seller),
    ("PUT", "/api/seller/dids/{id}", Seller),
    ("PATCH", "/api/seller/dids/{id}", Seller),
    ("DELETE", "/api/seller/dids/{id}", Seller),
    ("GET", "/api/seller/campaigns", Seller),
    ("POST", "/api/seller/campaigns", Seller),
    ("GET", "/api/seller/campaigns/available_clients", Seller),
    ("GET", "/api/seller/campaigns/{id}", Seller),
    ("PUT", "/api/seller/campaigns/{id}", Seller),
    ("PATCH", "/api/seller/campaigns/{id}", Seller),
    ("DELETE", "/api/seller/campaigns/{id}", Seller),
    ("PUT", "/api/seller/campaigns/{id}/pause", Seller),
    ("DELETE", "/api/seller/campaigns/{id}/pause", Seller),
    ("GET", "/api/seller/campaigns/{id}/dids", Seller),
    ("PUT", "/api/seller/campaigns/{id}/dids", Seller),
    ("POST", "/api/seller/campaigns/{id}/dids", Seller),
    ("DELETE", "/api/seller/campaigns/{id}/dids/{did_id}", Seller),
    ("GET", "/api/seller/campaigns/{id}/clients", Seller),
    ("POST", "/api/seller/campaigns/{id}/clients", Seller),
    ("GET", "/api/seller/campaigns/{id}/clients/{setting_id}", Seller),
    ("PUT", "/api/seller/campaigns/{id}/clients/{setting_id}", Seller),
    ("PATCH", "/api/seller/campaigns/{id}/clients/{setting_id}", Seller),
    (
        "DELETE",
        "/api/seller/campaigns/{id}/clients/{setting_id}",
        Seller,
    ),
    (
        "PUT",
        "/api/seller/campaigns/{id}/clients/{setting_id}/pause",
        Seller,
    ),
    (
        "DELETE",
        "/api/seller/campaigns/{id}/clients/{setting_id}/pause",
        Seller,
    ),
    ("GET", "/api/seller/logs", Seller),
    ("GET", "/api/seller/logs.csv", Seller),
    ("GET", "/api/seller/logs/{id}", Seller),
    ("GET", "/api/seller/stats", Seller),
    ("GET", "/api/seller/live", Seller),
    ("GET", "/api/seller/live_calls", Seller),
    ("GET", "/api/seller/links", Seller),
    ("GET", "/api/seller/explain", Seller),
    ("GET", "/api/internal/route_info", Switch),
    ("POST", "/api/internal/route_call", Switch),
    ("POST", "/api/internal/next_target", Switch),
    ("POST", "/api/internal/log_call", Switch),
];

/// Served, and no part of the description: the description itself and the page that shows it.
pub const UNDESCRIBED: &[&str] = &[
    "/",
    "/openapi.json",
    "/docs",
    "/docs/viewer.js",
    "/docs/viewer.css",
];

/// A body that passes the checks of fields. None: the route takes none.
pub fn good_body(method: &str, path: &str) -> Option<Value> {
    let body = match (method, path) {
        ("POST", "/api/auth/login") => json!({"username": "nobody_at_all", "password": "wrong-password"}),
        ("PUT", "/api/auth/password") => {
            json!({"currentPassword": "wrong-password", "newPassword": "another-password"})
        }
        ("POST", "/api/auth/password_links") => json!({"userId": 5}),
        ("POST", "/api/auth/new_password") => json!({"token": "ccp_AAAA", "newPassword": "another-password"}),
        ("POST", "/api/auth/second_factor") => json!({"currentPassword": "wrong-password"}),
        ("POST", path) if path.starts_with("/api/auth/second_factor/") => json!({"code": "123456"}),
        ("POST", "/api/auth/tokens") => json!({"name": "a script"}),
        ("POST", "/api/admin/users") => {
            json!({"username": "new_user", "email": "new@example.com", "password": "long-enough", "role": "user"})
        }
        ("PUT" | "PATCH", "/api/admin/users/{id}") => json!({"fullName": "Changed"}),
        ("PUT" | "PATCH", "/api/seller/account") => {
            json!({"callerRules": [{"after": "answered", "seconds": 2_592_000, "action": "reject"}]})
        }
        ("PUT", "/api/admin/users/{id}/password") => json!({"password": "long-enough"}),
        ("POST", "/api/admin/clients") => client("client_new"),
        ("PUT" | "PATCH", "/api/admin/clients/{id}") => json!({"notes": "changed"}),
        ("PUT", "/api/admin/campaigns/{id}/status" | "/api/admin/links/{id}/status") => {
            json!({"status": "inactive"})
        }
        ("PUT", path) if path.ends_with("/pause") => json!({"reason": "a test"}),
        ("PUT", path) if path.ends_with("/capacity") => json!({"seats": 12, "ttlSeconds": 90}),
        ("POST", "/api/admin/links/{id}/adjust" | "/api/admin/caps/{id}/adjust") => {
            json!({"delta": 1, "reason": "a test"})
        }
        ("POST", "/api/admin/live_calls/{uniqueid}/release") => json!({"reason": "a test"}),
        ("POST", "/api/admin/caps" | "/api/seller/caps") => {
            json!({"subject": {"type": "link", "id": 1}, "counts": "answered", "window": "day", "limit": 50})
        }
        ("PUT" | "PATCH", "/api/admin/caps/{id}" | "/api/seller/caps/{id}") => json!({"limit": 60}),
        ("POST", "/api/admin/callers" | "/api/seller/callers" | "/api/admin/callers/erase") => {
            json!({"caller": "+4930123456"})
        }
        ("POST", "/api/admin/callers/import" | "/api/seller/callers/import") => {
            json!({"lines": [{"caller": "+4930123457"}]})
        }
        ("POST", "/api/admin/dids") => json!({"number": "+4930123458", "userId": 3}),
        ("PUT" | "PATCH", "/api/admin/dids/{id}") => json!({"description": "changed"}),
        ("POST", "/api/admin/schedules" | "/api/seller/schedules") => json!({"name": "New"}),
        ("PUT" | "PATCH", "/api/admin/schedules/{id}" | "/api/seller/schedules/{id}") => {
            json!({"timeZone": "Europe/Berlin"})
        }
        ("POST", path) if path.ends_with("/exceptions/import") => {
            json!({"exceptions": [{"date": "2026-12-25", "name": "Christmas", "intervals": []}]})
        }
        ("POST", "/api/seller/dids") => json!({"number": "+4930123456"}),
        ("POST", "/api/seller/dids/import") => json!({"lines": [{"number": "+4930123457"}]}),
        ("PUT" | "PATCH", "/api/seller/dids/{id}") => json!({"description": "changed"}),
        ("POST", "/api/seller/campaigns") => {
            json!({"name": "New", "routingStrategy": "priority", "dialTimeoutSeconds": 20})
        }
        ("PUT" | "PATCH", "/api/seller/campaigns/{id}") => json!({"description": "changed"}),
        ("POST", "/api/seller/campaigns/{id}/dids") => json!({"didId": 2}),
        ("PUT", "/api/seller/campaigns/{id}/dids") => json!({"didIds": []}),
        ("POST", "/api/seller/campaigns/{id}/clients") => {
            json!({"clientId": 1, "maxConcurrency": 1, "forwardingPriority": 0, "weight": 1})
        }
        ("PUT" | "PATCH", "/api/admin/links/{id}" | "/api/seller/campaigns/{id}/clients/{setting_id}") => {
            json!({"weight": 7})
        }
        ("POST", "/api/internal/route_call") => json!({"did": "+18005550101", "uniqueid": "matrix-1"}),
        ("POST", "/api/internal/next_target") => {
            json!({"uniqueid": "matrix-unknown", "failedAttempt": 1, "dialStatus": "BUSY"})
        }
        ("POST", "/api/internal/log_call") => {
            json!({"incomingDidNumber": "+18005550101", "timestampStart": "2026-03-01T09:30:00Z",
                   "callStatus": "BUSY", "asteriskUniqueid": "matrix-2"})
        }
        ("POST", "/api/auth/logout") | ("GET" | "DELETE", _) => return None,
        _ => panic!("{method} {path}: no body is known for it"),
    };
    Some(body)
}

/// A client whose endpoint and AOR bear its identifier, as they must.
pub fn client(identifier: &str) -> Value {
    json!({
        "clientIdentifier": identifier, "name": format!("The {identifier}"),
        "pjsip": {
            "endpoint": {"id": identifier, "aors": identifier, "context": "from-capconduit"},
            "aor": {"id": identifier, "contact": "sip:127.0.0.1:5060"},
        },
    })
}

/// A query that the route needs to answer at all.
pub fn needed_query(path: &str) -> &'static str {
    if path.ends_with("/explain") || path.ends_with("/route_info") {
        "?did=%2B18005550101"
    } else {
        ""
    }
}

/// The path with every parameter replaced by `id`.
pub fn fill(path: &str, id: &str) -> String {
    ["{id}", "{did_id}", "{setting_id}", "{uniqueid}"]
        .iter()
        .fold(path.to_owned(), |path, name| path.replace(name, id))
}
