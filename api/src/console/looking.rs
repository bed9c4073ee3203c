//! Staff looks at the console as one seller sees it: the same pages under /console/as/{seller}, read-only. What keeps them so: only reads
//! get to a page, no transaction of a seller who is looked at may write, and pages that are the seller's alone are refused.

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, Uri};
use axum::response::Response;
use axum::routing::any;
use std::net::SocketAddr;
use tower::ServiceExt;

use super::looked_at::{Looking, UNDER};
use super::viewer::Staff;
use crate::access::sessions::Renewed;
use crate::app::AppState;
use crate::error::{ApiError, ApiResult};
use crate::http::params::to_id;
use crate::resources::oversight::look;

pub fn router(pages: Router<AppState>) -> Router<AppState> {
    let under = move |State(app): State<AppState>, staff: Staff, request: Request| {
        let pages = pages.clone();
        async move { look(&app, staff, request, pages).await }
    };
    Router::new().route("/console/as/{*rest}", any(under))
}

/// `3/calls?caller=1` under /console/as/: the seller, and the page's own address.
fn target(uri: &Uri) -> Option<(i64, Uri)> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(UNDER)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let page = format!("/console{}", rest.get(end..)?);
    let page = page.strip_suffix('/').unwrap_or(&page);
    Some((to_id(rest.get(..end)?), page.parse().ok()?))
}

async fn look(
    app: &AppState,
    staff: Staff,
    mut request: Request,
    pages: Router<AppState>,
) -> ApiResult<Response> {
    let nothing = || ApiError::not_found("There is no page at this address.");
    let (seller, page) = target(request.uri()).ok_or_else(nothing)?;
    let seller = look::look(&app.store, &staff, seller).await?;
    let looking = Looking::at(seller.id, seller.username);
    let mut response = if request.method().is_safe() {
        // Anew, for what a router has noted of the address that was asked.
        let mut asked = Request::new(Body::empty());
        *asked.method_mut() = request.method().clone();
        *asked.uri_mut() = page;
        *asked.headers_mut() = std::mem::take(request.headers_mut());
        if let Some(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
            asked.extensions_mut().insert(*peer);
        }
        if let Some(renewed) = request.extensions().get::<Renewed>() {
            asked.extensions_mut().insert(renewed.clone());
        }
        asked.extensions_mut().insert(looking.clone());
        let Ok(answered) = pages.with_state(app.clone()).oneshot(asked).await;
        answered
    } else {
        let text = "Nothing can be changed while you look at a seller's console.";
        axum::response::IntoResponse::into_response(ApiError::forbidden("looking", text))
    };
    if let Some(to) = response.headers().get(LOCATION).and_then(|to| to.to_str().ok())
        && let Some(rest) = to.strip_prefix("/console")
        && let Ok(to) = HeaderValue::from_str(&format!("{}{rest}", looking.base()))
    {
        response.headers_mut().insert(LOCATION, to);
    }
    response.extensions_mut().insert(looking);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_seller_s_and_a_page_s() {
        for (asked, expected) in [
            ("/console/as/3", Some((3, "/console"))),
            ("/console/as/3/", Some((3, "/console"))),
            ("/console/as/3?_=1", Some((3, "/console?_=1"))),
            (
                "/console/as/3/calls?caller=1",
                Some((3, "/console/calls?caller=1")),
            ),
            ("/console/as/03x/calls", Some((0, "/console/calls"))),
            ("/console/calls", None),
        ] {
            let found = target(&asked.parse().expect("an address"));
            let expected = expected.map(|(seller, page)| (seller, page.parse().expect("an address")));
            assert_eq!(found, expected, "{asked}");
        }
    }
}
