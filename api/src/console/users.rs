//! Accounts: who may log in, as what. Staff sees them; admins make and change them, and let users set new passwords.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;

use super::form::{Field, Form, Kind, Sent};
use super::frame::{Frame, page};
use super::numbers::{filled, with};
use super::viewer::{Admin, Staff};
use super::{rules_text, show};
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::list::Request;
use crate::http::page::Page;
use crate::http::params::{Id, Params};
use crate::resources::auth::password_link::{self, CreatedPasswordLink, NewPasswordLink};
use crate::resources::auth::second_factor;
use crate::resources::users::objects::{NewPassword, NewUser, ROLES, STATUSES, User, UserChange};
use crate::resources::users::operations;

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/users", get(list))
        .route("/console/users/new", get(new).post(create))
        .route("/console/users/{id}", get(one))
        .route("/console/users/{id}/edit", get(edit).post(update))
        .route(
            "/console/users/{id}/password",
            get(ask_password).post(set_password),
        )
        .route("/console/users/{id}/link", get(ask_link).post(link))
        .route(
            "/console/users/{id}/second_factor",
            get(ask_second_factor).post(remove_second_factor),
        )
        .route("/console/users/{id}/delete", get(ask_delete).post(delete))
}

#[derive(Template)]
#[template(path = "users.html")]
struct Users {
    frame: Frame,
    list: Page<User>,
    asked: Params,
    query: String,
    next: String,
}

impl Users {
    fn value(&self, key: &str) -> &str {
        self.asked.raw(key).unwrap_or_default()
    }
}

async fn list(State(app): State<AppState>, staff: Staff, uri: Uri) -> ApiResult<Response> {
    let query = filled(uri.query().unwrap_or_default());
    app.known_params
        .check_names(Method::GET, "/api/admin/users", &query)?;
    let all = Params::parse(&with(&query, "per_page", "100"));
    let tx = app.store.read(&staff.identity()).await?;
    let list = operations::list(&tx, &Request::read(&all)?).await?;
    tx.commit().await?;
    page(&Users {
        frame: Frame::of(&staff, "users"),
        next: with(&query, "page", &(list.page + 1).to_string()),
        asked: Params::parse(&query),
        list,
        query,
    })
}

#[derive(Template)]
#[template(path = "user.html")]
struct UserPage {
    frame: Frame,
    user: User,
    is_own: bool,
}

impl UserPage {
    fn rules(&self) -> String {
        rules_text::write(&self.user.caller_rules).replace('\n', "; ")
    }
}

async fn found(app: &AppState, viewer: &crate::app::caller::User, id: i64) -> ApiResult<User> {
    let tx = app.store.read(&viewer.identity()).await?;
    let user = operations::find(&tx, id).await?;
    tx.commit().await?;
    Ok(user)
}

async fn one(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<Response> {
    page(&UserPage {
        user: found(&app, &staff, id).await?,
        frame: Frame::of(&staff, "users"),
        is_own: staff.id == id,
    })
}

/// With the names that the API has for them.
fn role() -> Field {
    let names = [
        ("user", "seller"),
        ("staff", "staff: runs the platform"),
        ("admin", "admin: staff that makes accounts, too"),
    ];
    debug_assert!(names.iter().all(|(role, _)| ROLES.contains(role)));
    Field::named("role", "Role", names)
}

fn fields(of: Option<&User>) -> Vec<Field> {
    vec![
        Field::new("email", "E-mail", Kind::Text).value(of.map_or("", |user| &user.email)),
        role().value(of.map_or("user", |user| &user.role)),
        Field::choice("status", "Status", STATUSES)
            .help("Only an active account can log in; calls to the numbers of a seller whose account is not are refused.")
            .value(of.map_or("active", |user| &user.status)),
        Field::new("fullName", "Name", Kind::Text).maybe(of.and_then(|user| user.full_name.as_ref())),
        Field::new("companyName", "Company", Kind::Text).maybe(of.and_then(|user| user.company_name.as_ref())),
        Field::new("timeZone", "Time zone", Kind::Text)
            .help("In which the days of a seller's caps begin: IANA's name of a place, such as America/New_York, or UTC")
            .value(of.map_or("UTC", |user| &user.time_zone)),
        rules_text::of_calls(
            "Callers that call a seller again",
            of.map_or(&Value::Null, |user| &user.caller_rules),
        ),
    ]
}

const PASSWORD: &str = "8 characters at least. A link lets the user set one that nobody else knows.";

fn new_form(admin: &Admin, params: &Params) -> ApiResult<Form> {
    let mut all = vec![
        Field::new("username", "User name", Kind::Text)
            .help("With which it logs in. It stays as it is: 3 to 80 characters."),
        Field::new("password", "Password", Kind::NewSecret).help(PASSWORD),
    ];
    all.extend(fields(None));
    if let Some(asked) = params.raw("role") {
        all.iter_mut()
            .filter(|field| field.name == "role")
            .for_each(|field| field.value = asked.to_owned());
    }
    let form = Form::new(
        Frame::of(admin, "users"),
        "New user",
        "/console/users",
        "Make the user",
    )?;
    Ok(form.fields(all))
}

async fn new(admin: Admin, params: Params) -> ApiResult<Response> {
    new_form(&admin, &params)?.show()
}

async fn create(
    State(app): State<AppState>,
    admin: Admin,
    params: Params,
    sent: Sent,
) -> ApiResult<Response> {
    let mut form = new_form(&admin, &params)?;
    let new = match form.parse::<NewUser>(&sent) {
        Ok(new) => new,
        Err(error) => return form.answer(Err(error)),
    };
    // Before the transaction: a connection is not kept for as long as a hash takes.
    let hash = app.passwords.hash(new.password.clone()).await?;
    form.go_on(&app, &admin.identity(), &sent, async |tx| {
        let user = operations::create(tx, new, &hash).await?;
        Ok(format!("/console/users/{}", user.id))
    })
    .await
}

fn edit_form(admin: &Admin, user: &User) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(admin, "users"),
        format!("Edit {}", user.username),
        format!("/console/users/{}", user.id),
        "Save",
    )?;
    Ok(form
        .intro("Role and status count from the user's next request. Another status than active ends its sessions and tokens.")
        .fields(fields(Some(user)))
        .version(user.version))
}

async fn edit(State(app): State<AppState>, admin: Admin, Id(id): Id) -> ApiResult<Response> {
    edit_form(&admin, &found(&app, &admin, id).await?)?.show()
}

async fn update(State(app): State<AppState>, admin: Admin, Id(id): Id, sent: Sent) -> ApiResult<Response> {
    let form = edit_form(&admin, &found(&app, &admin, id).await?)?;
    form.save(&app, &admin.identity(), &sent, async |tx, change: UserChange| {
        operations::update(tx, id, &sent.if_match(), change).await?;
        Ok(format!("/console/users/{id}"))
    })
    .await
}

fn password_form(admin: &Admin, user: &User) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(admin, "users"),
        format!("New password of {}", user.username),
        format!("/console/users/{}", user.id),
        "Set it",
    )?;
    Ok(form
        .intro("Its sessions and tokens end at once.")
        .account(&user.username)
        .fields(vec![
            Field::new("password", "New password", Kind::NewSecret).help(PASSWORD),
        ])
        .version(user.version))
}

async fn ask_password(State(app): State<AppState>, admin: Admin, Id(id): Id) -> ApiResult<Response> {
    password_form(&admin, &found(&app, &admin, id).await?)?.show()
}

async fn set_password(
    State(app): State<AppState>,
    admin: Admin,
    Id(id): Id,
    sent: Sent,
) -> ApiResult<Response> {
    let mut form = password_form(&admin, &found(&app, &admin, id).await?)?;
    let new = match form.parse::<NewPassword>(&sent) {
        Ok(new) => new,
        Err(error) => return form.answer(Err(error)),
    };
    let hash = app.passwords.hash(new.password).await?;
    form.go_on(&app, &admin.identity(), &sent, async |tx| {
        operations::set_password(tx, admin.id, id, &sent.if_match(), &hash).await?;
        Ok(format!("/console/users/{id}"))
    })
    .await
}

#[derive(Template)]
#[template(path = "user_link.html")]
struct LinkMade {
    frame: Frame,
    user: User,
    link: CreatedPasswordLink,
}

fn link_form(admin: &Admin, user: &User) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(admin, "users"),
        format!("A link for a new password of {}", user.username),
        format!("/console/users/{}", user.id),
        "Make the link",
    )?;
    Ok(form.intro(
        "You hand it over, and the user sets a password that nobody else knows. It works once, for 24 hours, and is shown this once. \
         An earlier link ends.",
    ))
}

async fn ask_link(State(app): State<AppState>, admin: Admin, Id(id): Id) -> ApiResult<Response> {
    link_form(&admin, &found(&app, &admin, id).await?)?.show()
}

/// The answer holds the secret: it is kept nowhere, and so not repeated.
async fn link(State(app): State<AppState>, admin: Admin, Id(id): Id) -> ApiResult<Response> {
    let user = found(&app, &admin, id).await?;
    let tx = app.store.write(&admin.identity()).await?;
    let link = password_link::make(&tx, admin.id, &NewPasswordLink::of(id)).await?;
    tx.commit().await?;
    page(&LinkMade {
        frame: Frame::of(&admin, "users"),
        user,
        link,
    })
}

fn second_factor_form(admin: &Admin, user: &User) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(admin, "users"),
        format!("Take the second factor of {} away?", user.username),
        format!("/console/users/{}", user.id),
        "Take it away",
    )?;
    Ok(form.danger().intro(
        "For a user who has lost the telephone and the recovery codes. Be sure whom you talk to: from then on the password alone lets in. \
         All sessions of the user end.",
    ))
}

async fn ask_second_factor(State(app): State<AppState>, admin: Admin, Id(id): Id) -> ApiResult<Response> {
    second_factor_form(&admin, &found(&app, &admin, id).await?)?.show()
}

async fn remove_second_factor(
    State(app): State<AppState>,
    admin: Admin,
    Id(id): Id,
    sent: Sent,
) -> ApiResult<Response> {
    let form = second_factor_form(&admin, &found(&app, &admin, id).await?)?;
    form.go_on(&app, &admin.identity(), &sent, async |tx| {
        second_factor::remove_of(tx, admin.id, id).await?;
        Ok(format!("/console/users/{id}"))
    })
    .await
}

fn delete_form(admin: &Admin, user: &User) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(admin, "users"),
        format!("Delete {}?", user.username),
        format!("/console/users/{}", user.id),
        "Delete the user",
    )?;
    Ok(form.version(user.version).danger().intro(
        "Its numbers, campaigns, links and sessions will be gone; call records stay. While calls are in flight it cannot be deleted. To keep \
         all of it and let nobody in, set its status to suspended.",
    ))
}

async fn ask_delete(State(app): State<AppState>, admin: Admin, Id(id): Id) -> ApiResult<Response> {
    delete_form(&admin, &found(&app, &admin, id).await?)?.show()
}

async fn delete(State(app): State<AppState>, admin: Admin, Id(id): Id, sent: Sent) -> ApiResult<Response> {
    let form = delete_form(&admin, &found(&app, &admin, id).await?)?;
    form.go_on(&app, &admin.identity(), &sent, async |tx| {
        operations::delete(tx, admin.id, id, &sent.if_match()).await?;
        Ok("/console/users".to_owned())
    })
    .await
}
