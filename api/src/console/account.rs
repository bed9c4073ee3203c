//! The own account: where one is logged in, tokens of scripts, a new password. It is its owner's alone: nobody looks at it.

use std::net::SocketAddr;

use askama::Template;
use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;

use super::form::{Field, Form, Kind, Sent};
use super::frame::{Frame, page};
use super::show;
use super::viewer::Anyone;
use crate::access::secret::Hash;
use crate::app::{AppState, caller};
use crate::error::{ApiError, ApiResult};
use crate::http::list::Request;
use crate::http::params::{Id, Params};
use crate::resources::auth::objects::PasswordChange;
use crate::resources::auth::sessions::{self, Session};
use crate::resources::tokens::{self, CreatedToken, NewToken, Token};
use crate::resources::users::objects::User;
use crate::resources::{auth, users};

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/account", get(account))
        .route("/console/account/password", get(ask_password).post(set_password))
        .route("/console/account/sessions/{id}/end", get(ask_end).post(end))
        .route("/console/account/tokens/new", get(new_token).post(make_token))
        .route(
            "/console/account/tokens/{id}/revoke",
            get(ask_revoke).post(revoke),
        )
}

/// The session that asks. Whoever looks at another's console has none there.
pub(super) fn own(viewer: &caller::User) -> ApiResult<Hash> {
    if viewer.is_looked_at {
        return Err(ApiError::forbidden(
            "looking",
            "An account is its owner's alone: its sessions and tokens are not shown to whoever looks.",
        ));
    }
    viewer.session.ok_or_else(ApiError::unauthenticated)
}

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    frame: Frame,
    user: User,
    sessions: Vec<Session>,
    tokens: Vec<Token>,
}

async fn account(State(app): State<AppState>, viewer: Anyone) -> ApiResult<Response> {
    let session = own(&viewer)?;
    let all = Request::read(&Params::parse("per_page=100"))?;
    let tx = app.store.read(&viewer.identity()).await?;
    let user = users::operations::find(&tx, viewer.id).await?;
    let sessions = sessions::list(&tx, &all, &session).await?.items;
    let tokens = tokens::list_own(&tx).await?;
    tx.commit().await?;
    page(&Account {
        frame: Frame::of(&viewer, "account"),
        user,
        sessions,
        tokens,
    })
}

fn form(viewer: &Anyone, title: &str, submit: &'static str) -> ApiResult<Form> {
    own(viewer)?;
    Form::new(Frame::of(viewer, "account"), title, "/console/account", submit)
}

async fn password_form(app: &AppState, viewer: &Anyone) -> ApiResult<Form> {
    let form = form(viewer, "New password", "Change it")?;
    let tx = app.store.read(&viewer.identity()).await?;
    let user = users::operations::find(&tx, viewer.id).await?;
    tx.commit().await?;
    Ok(form
        .account(user.username)
        .intro("You stay logged in here. Every other session of yours ends, and every token.")
        .fields(vec![
            Field::new("currentPassword", "Present password", Kind::Secret),
            Field::new("newPassword", "New password", Kind::NewSecret).help("8 characters at least"),
        ]))
}

async fn ask_password(State(app): State<AppState>, viewer: Anyone) -> ApiResult<Response> {
    password_form(&app, &viewer).await?.show()
}

async fn set_password(
    State(app): State<AppState>,
    viewer: Anyone,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    sent: Sent,
) -> ApiResult<Response> {
    let mut form = password_form(&app, &viewer).await?;
    let change = match form.parse::<PasswordChange>(&sent) {
        Ok(change) => change,
        Err(error) => return form.answer(Err(error)),
    };
    let address = app.settings.proxies.client(peer, &headers);
    let done = auth::operations::change_password(&app, &viewer, address, change).await;
    form.answer(done.map(|()| "/console/account".to_owned()))
}

fn end_form(viewer: &Anyone) -> ApiResult<Form> {
    let form = form(viewer, "End this session?", "End it")?;
    Ok(form
        .danger()
        .intro("The browser that has it must log in again. If it is this one, you are logged out."))
}

async fn ask_end(viewer: Anyone) -> ApiResult<Response> {
    end_form(&viewer)?.show()
}

async fn end(State(app): State<AppState>, viewer: Anyone, Id(id): Id, sent: Sent) -> ApiResult<Response> {
    let form = end_form(&viewer)?;
    form.go_on(&app, &viewer.identity(), &sent, async |tx| {
        sessions::end(tx, id).await?;
        Ok("/console/account".to_owned())
    })
    .await
}

#[derive(Template)]
#[template(path = "token.html")]
struct TokenMade {
    frame: Frame,
    made: CreatedToken,
}

fn token_form(viewer: &Anyone) -> ApiResult<Form> {
    Ok(form(viewer, "New token", "Make the token")?
        .intro("For a script: it may what you may, but log in and set passwords. It is shown this once.")
        .fields(vec![
            Field::new("name", "What it is for", Kind::Text),
            Field::new("expiresInDays", "Days until it ends", Kind::Number).value(90),
        ]))
}

async fn new_token(viewer: Anyone) -> ApiResult<Response> {
    token_form(&viewer)?.show()
}

/// The answer holds the secret: it is kept nowhere, and so not repeated. Of a second click the name is taken.
async fn make_token(State(app): State<AppState>, viewer: Anyone, sent: Sent) -> ApiResult<Response> {
    let mut form = token_form(&viewer)?;
    let new = match form.parse::<NewToken>(&sent) {
        Ok(new) => new,
        Err(error) => return form.answer(Err(error)),
    };
    let tx = app.store.write(&viewer.identity()).await?;
    let made = match tokens::issue(&tx, new).await {
        Ok(made) => made,
        Err(error) => return form.answer(Err(error)),
    };
    tx.commit().await?;
    page(&TokenMade {
        frame: Frame::of(&viewer, "account"),
        made,
    })
}

fn revoke_form(viewer: &Anyone) -> ApiResult<Form> {
    let form = form(viewer, "Revoke this token?", "Revoke it")?;
    Ok(form
        .danger()
        .intro("Scripts that use it are refused from their next request on."))
}

async fn ask_revoke(viewer: Anyone) -> ApiResult<Response> {
    revoke_form(&viewer)?.show()
}

async fn revoke(State(app): State<AppState>, viewer: Anyone, Id(id): Id, sent: Sent) -> ApiResult<Response> {
    let form = revoke_form(&viewer)?;
    form.go_on(&app, &viewer.identity(), &sent, async |tx| {
        tokens::revoke(tx, id).await?;
        Ok("/console/account".to_owned())
    })
    .await
}
