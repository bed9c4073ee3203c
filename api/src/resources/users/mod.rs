//! /api/admin/users: the accounts, for admins.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Changed, Conflict, Denied, Message, NotFound};
use crate::access::password;
use crate::app::AppState;
use crate::app::caller::Admin;
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Text, Unknown};
use crate::http::page::{DEFAULT_PER_PAGE, Page, PageParams, PageRequest};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged, Versioned, changed};
use crate::store::tx::Tx;

macro_rules! filter {
    () => {
        "($1::text is null or role = $1) and ($2::text is null or status = $2) \
         and ($3::text is null or starts_with(lower(username), lower($3)) or starts_with(lower(email), lower($3)))"
    };
}

const LIST: &str = concat!(
    "select id, username, email, role, status, full_name, company_name, created_at, updated_at, version from users where ",
    filter!(),
    " order by lower(username), id limit $4 offset $5"
);
const COUNT: &str = concat!("select count(*) from users where ", filter!());
const ONE: &str = "\
    select id, username, email, role, status, full_name, company_name, created_at, updated_at, version
      from users where id = $1";
const INSERT: &str = "\
    insert into users (username, email, password_hash, role, status, full_name, company_name)
    values ($1, $2, $3, $4, $5, $6, $7)
    returning id, username, email, role, status, full_name, company_name, created_at, updated_at, version";
/// Absent keys leave their columns: $6 and $8 say whether the nullable ones were given.
const UPDATE: &str = "\
    update users
       set email = coalesce($2, email), role = coalesce($3, role), status = coalesce($4, status),
           full_name = case when $6 then $5 else full_name end,
           company_name = case when $8 then $7 else company_name end
     where id = $1
    returning id, username, email, role, status, full_name, company_name, created_at, updated_at, version";
const SET_PASSWORD: &str = "update users set password_hash = $2 where id = $1";
const DELETE: &str = "delete from users where id = $1";
/// Locked, so that of two admins who demote each other one stays. Always before the row that is to change: in another order two
/// such requests would wait for one another.
const ACTIVE_ADMINS: &str =
    "select id from users where role = 'admin' and status = 'active' order by id for no key update";

const LOCK: &str = "select version from users where id = $1 for no key update";
/// As the deletion itself locks it.
const LOCK_TO_DELETE: &str = "select version from users where id = $1 for update";

pub const SELLER_STATEMENTS: &[&str] = &[ONE];
pub const ADMIN_STATEMENTS: &[&str] = &[
    LIST,
    COUNT,
    ONE,
    INSERT,
    UPDATE,
    SET_PASSWORD,
    DELETE,
    ACTIVE_ADMINS,
    LOCK,
    LOCK_TO_DELETE,
];

const ROLES: &[&str] = &["admin", "staff", "user"];
const STATUSES: &[&str] = &["active", "inactive", "pending_approval", "suspended"];
const USERNAME: Text = Text::title(3, 80);
const EMAIL: Text = Text::title(3, 120).check(is_email);
const PERSON: Text = Text::title(0, 100);

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    #[schema(example = 3)]
    pub id: i64,
    #[schema(example = "seller_alice")]
    pub username: String,
    #[schema(example = "alice@seller.xyz")]
    pub email: String,
    #[schema(example = "user")]
    pub role: String,
    #[schema(example = "active")]
    pub status: String,
    pub full_name: Option<String>,
    pub company_name: Option<String>,
    pub created_at: Instant,
    pub updated_at: Instant,
    #[schema(example = 1)]
    pub version: i64,
}

impl Versioned for User {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}

impl From<&Row> for User {
    fn from(row: &Row) -> Self {
        User {
            id: row.get(0),
            username: row.get(1),
            email: row.get(2),
            role: row.get(3),
            status: row.get(4),
            full_name: row.get(5),
            company_name: row.get(6),
            created_at: row.get(7),
            updated_at: row.get(8),
            version: row.get(9),
        }
    }
}

/// A user by id, as far as the transaction's identity sees it.
pub async fn find(tx: &Tx, id: i64) -> ApiResult<User> {
    tx.optional_row(ONE, &[&id])
        .await?
        .as_ref()
        .map(User::from)
        .ok_or_else(|| unknown(id))
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
struct NewUser {
    #[schema(min_length = 3, max_length = 80, example = "seller_carol")]
    username: String,
    #[schema(max_length = 120, example = "carol@seller.xyz")]
    email: String,
    #[schema(value_type = String, min_length = 8, max_length = 128, write_only, example = "correct horse battery")]
    password: SecretString,
    #[schema(pattern = "^(admin|staff|user)$", example = "user")]
    role: String,
    #[schema(
        pattern = "^(active|inactive|pending_approval|suspended)$",
        default = "active",
        required = false
    )]
    status: String,
    #[schema(max_length = 100)]
    full_name: Option<String>,
    #[schema(max_length = 100)]
    company_name: Option<String>,
}

impl Input for NewUser {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewUser {
            username: f.required_text("username", &USERNAME),
            email: f.required_text("email", &EMAIL),
            password: f.required_text("password", &password::RULE).into(),
            role: f.required_choice("role", ROLES),
            status: f.choice("status", STATUSES).unwrap_or_else(|| "active".into()),
            full_name: f.nullable_text("fullName", &PERSON).flatten(),
            company_name: f.nullable_text("companyName", &PERSON).flatten(),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
struct UserChange {
    #[schema(max_length = 120, required = false)]
    email: Option<String>,
    #[schema(pattern = "^(admin|staff|user)$", required = false)]
    role: Option<String>,
    #[schema(pattern = "^(active|inactive|pending_approval|suspended)$", required = false)]
    status: Option<String>,
    #[schema(value_type = Option<String>, max_length = 100)]
    full_name: Option<Option<String>>,
    #[schema(value_type = Option<String>, max_length = 100)]
    company_name: Option<Option<String>>,
}

impl Input for UserChange {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        UserChange {
            email: f.text("email", &EMAIL),
            role: f.choice("role", ROLES),
            status: f.choice("status", STATUSES),
            full_name: f.nullable_text("fullName", &PERSON),
            company_name: f.nullable_text("companyName", &PERSON),
        }
    }
}

#[derive(Debug, ToSchema)]
struct NewPassword {
    #[schema(value_type = String, min_length = 8, max_length = 128, write_only)]
    password: SecretString,
}

impl Input for NewPassword {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        NewPassword {
            password: f.required_text("password", &password::RULE).into(),
        }
    }
}

pub fn is_email(text: &str) -> Result<(), String> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part
                .chars()
                .any(|c| c.is_whitespace() || "<>()[],;:\\\"@".contains(c))
    };
    let valid = text.rsplit_once('@').is_some_and(|(local, domain)| {
        plain(local)
            && local.len() <= 64
            && domain.contains('.')
            && domain
                .split('.')
                .all(|label| plain(label) && !label.starts_with('-') && !label.ends_with('-'))
    });
    if valid {
        Ok(())
    } else {
        Err("Not a valid email address.".into())
    }
}

fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("User with ID {id} not found."))
}

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
        .routes(routes!(set_password))
}

#[utoipa::path(get, path = "/api/admin/users", tag = "users",
    params(PageParams, ("role" = Option<String>, Query, description = "admin, staff or user"),
           ("status" = Option<String>, Query, description = "active, inactive, pending_approval or suspended"),
           ("q" = Option<String>, Query, description = "how the username or email begins, in any case")),
    responses((status = 200, description = "Users by name", body = Page<User>), Denied, BadFilter))]
async fn list(State(app): State<AppState>, admin: Admin, params: Params) -> ApiResult<Json<Page<User>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let (role, status) = (params.choice("role", ROLES)?, params.choice("status", STATUSES)?);
    let start = params.title("q", 120)?;
    let tx = app.store.read(&admin.identity()).await?;
    page.of(tx, COUNT, LIST, &[&role, &status, &start]).await
}

#[utoipa::path(post, path = "/api/admin/users", tag = "users", request_body = NewUser,
    responses((status = 201, description = "Created", body = User), Denied, BadBody, Conflict))]
async fn create(
    State(app): State<AppState>,
    admin: Admin,
    Valid(new): Valid<NewUser>,
) -> ApiResult<(StatusCode, Tagged<User>)> {
    let hash = app.passwords.hash(new.password).await?;
    let tx = app.store.write(&admin.identity()).await?;
    let row = tx
        .row(
            INSERT,
            &[
                &new.username,
                &new.email,
                &hash,
                &new.role,
                &new.status,
                &new.full_name,
                &new.company_name,
            ],
        )
        .await
        .map_err(|error| {
            error
                .or_conflict("users_username_key", "username_taken", || {
                    format!("Username '{}' already exists", new.username)
                })
                .or_conflict("users_email_key", "email_taken", || {
                    format!("Email '{}' already exists", new.email)
                })
        })?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Tagged(User::from(&row))))
}

#[utoipa::path(get, path = "/api/admin/users/{id}", tag = "users", params(("id" = i64, Path)),
    responses((status = 200, description = "The user", body = User), Denied, NotFound))]
async fn show(State(app): State<AppState>, admin: Admin, Id(id): Id) -> ApiResult<Tagged<User>> {
    let tx = app.store.read(&admin.identity()).await?;
    let user = find(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(user))
}

#[utoipa::path(put, path = "/api/admin/users/{id}", tag = "users", params(("id" = i64, Path), IfMatchHeader),
    request_body = UserChange,
    responses((status = 200, description = "The user as changed", body = User),
              Denied, BadBody, NotFound, Changed, Conflict))]
async fn update(
    State(app): State<AppState>,
    admin: Admin,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<UserChange>,
) -> ApiResult<Tagged<User>> {
    let tx = app.store.write(&admin.identity()).await?;
    let stays_admin = change.role.as_deref().is_none_or(|role| role == "admin")
        && change.status.as_deref().is_none_or(|status| status == "active");
    let admins = if stays_admin {
        Vec::new()
    } else {
        active_admins(&tx).await?
    };
    if_match
        .check(&tx, LOCK, &[&id], async |tx| find(tx, id).await)
        .await?;
    refuse_last_admin(&admins, id)?;
    let row = tx
        .optional_row(
            UPDATE,
            &[
                &id,
                &change.email,
                &change.role,
                &change.status,
                &change.full_name.clone().flatten(),
                &change.full_name.is_some(),
                &change.company_name.clone().flatten(),
                &change.company_name.is_some(),
            ],
        )
        .await
        .map_err(|error| {
            error.or_conflict("users_email_key", "email_taken", || {
                format!("Email '{}' is already in use", change.email.unwrap_or_default())
            })
        })?
        .ok_or_else(|| unknown(id))?;
    tx.commit().await?;
    Ok(Tagged(User::from(&row)))
}

#[utoipa::path(put, path = "/api/admin/users/{id}/password", tag = "users", params(("id" = i64, Path), IfMatchHeader),
    request_body = NewPassword,
    responses((status = 200, description = "Changed; the user's sessions and tokens have ended", body = Message),
              Denied, BadBody, NotFound, Changed))]
async fn set_password(
    State(app): State<AppState>,
    admin: Admin,
    Id(id): Id,
    if_match: IfMatch,
    Valid(new): Valid<NewPassword>,
) -> ApiResult<Json<Message>> {
    // Looked at first, since a hash costs more than all the rest. The connection is not kept for that long.
    let tx = app.store.read(&admin.identity()).await?;
    let user = find(&tx, id).await?;
    tx.commit().await?;
    if !if_match.admits(&[&user.tag()]) {
        return Err(changed(&user));
    }
    let hash = app.passwords.hash(new.password).await?;
    let tx = app.store.write(&admin.identity()).await?;
    if_match
        .check(&tx, LOCK, &[&id], async |tx| find(tx, id).await)
        .await?;
    if tx.execute(SET_PASSWORD, &[&id, &hash]).await? == 0 {
        return Err(unknown(id));
    }
    tx.commit().await?;
    Ok(Json(Message::new("Password updated successfully.")))
}

#[utoipa::path(delete, path = "/api/admin/users/{id}", tag = "users", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "Deleted, with the user's DIDs, campaigns, links and sessions"),
              Denied, NotFound, Changed, Conflict))]
async fn delete(
    State(app): State<AppState>,
    admin: Admin,
    Id(id): Id,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    if id == admin.id {
        return Err(ApiError::forbidden(
            "own_account",
            "Admin cannot delete their own account.",
        ));
    }
    let tx = app.store.write(&admin.identity()).await?;
    let admins = active_admins(&tx).await?;
    if_match
        .check(&tx, LOCK_TO_DELETE, &[&id], async |tx| find(tx, id).await)
        .await?;
    refuse_last_admin(&admins, id)?;
    if tx.execute(DELETE, &[&id]).await? == 0 {
        return Err(unknown(id));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn active_admins(tx: &Tx) -> ApiResult<Vec<i64>> {
    let rows = tx.rows(ACTIVE_ADMINS, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Somebody must stay who can let others in.
fn refuse_last_admin(admins: &[i64], id: i64) -> ApiResult<()> {
    if admins == [id] {
        return Err(ApiError::conflict(
            "last_admin",
            "The last active admin cannot be deleted, demoted or suspended.",
        ));
    }
    Ok(())
}
