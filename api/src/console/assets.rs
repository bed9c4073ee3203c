//! The style sheet, the script and the icon. Their addresses hold a digest of their content, so a browser may keep them for ever.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use crate::app::AppState;
use crate::error::ApiError;

const STYLE: &str = include_str!("assets/console.css");
const SCRIPT: &str = include_str!("assets/console.js");
const ICON: &str = include_str!("assets/console.svg");

pub static STYLE_URL: LazyLock<String> = LazyLock::new(|| url(STYLE, "css"));
pub static SCRIPT_URL: LazyLock<String> = LazyLock::new(|| url(SCRIPT, "js"));

pub static ICON_URL: LazyLock<String> = LazyLock::new(|| url(ICON, "svg"));

fn url(content: &str, ending: &str) -> String {
    let digest = Sha256::digest(content);
    let name = digest[..8].iter().fold(String::new(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    });
    format!("/console/assets/{name}.{ending}")
}

pub fn router() -> Router<AppState> {
    Router::new().route("/console/assets/{name}", get(asset))
}

async fn asset(Path(name): Path<String>) -> Response {
    let asked = format!("/console/assets/{name}");
    let (content, content_type) = if asked == *STYLE_URL {
        (STYLE, "text/css; charset=utf-8")
    } else if asked == *SCRIPT_URL {
        (SCRIPT, "text/javascript; charset=utf-8")
    } else if asked == *ICON_URL {
        (ICON, "image/svg+xml")
    } else {
        return ApiError::not_found("There is nothing at this address.").into_response();
    };
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, content).into_response()
}
