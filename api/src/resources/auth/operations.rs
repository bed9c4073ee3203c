//! How somebody is let in with a password, and how the own password is changed.

use std::net::IpAddr;
use std::time::Instant;

use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use secrecy::SecretString;

use super::objects::{Credentials, PasswordChange};
use crate::access::device;
use crate::access::fading::Key;
use crate::access::failures::{Account, Untold};
use crate::access::login_step;
use crate::access::password::{Second, Verdict};
use crate::access::second_factor::Proof;
use crate::access::sessions::{self, Credential, Login};
use crate::access::throttle::{self, Source, Who, key, network_key};
use crate::app::{App, caller};
use crate::error::{ApiError, ApiResult};
use crate::http::text::composed;
use crate::resources::users::{self, objects::User};
use crate::store::identity::{DbRole, Identity};
use crate::store::tx::Args;

const CHANGE_PASSWORD: &str = "select change_password($1, $2)";

/// The account that was just let in says where it is.
const NOTE_SESSION: &str =
    "update sessions set network = $2, agent = $3 where id = $1 and user_id = session_user_id()";
/// In the audit an account's logins from one network are a line an hour: scripts log in for each request.
const NOTE_LOGIN: &str = "\
    insert into audit_log (user_id, db_role, action, object_type, object_id, after)
    select session_user_id(), session_user, 'login', 'users', session_user_id()::text,
           jsonb_build_object('network', $1::text, 'agent', $2::text)
     where not exists (select from audit_log a
                        where a.object_type = 'users' and a.object_id = session_user_id()::text and a.action = 'login'
                          and a.after ->> 'network' = $1::text and a.at > now() - interval '1 hour')";
const NOTE_FAILURES: &str = "\
    insert into audit_log (db_role, action, object_type, object_id, after)
    select session_user, 'login_failed', 'users', f.account::text, f.told
      from unnest($1::bigint[], $2::jsonb[]) f (account, told)";

pub const USER_STATEMENTS: &[&str] = &[CHANGE_PASSWORD];
pub const STAFF_STATEMENTS: &[&str] = &[NOTE_SESSION, NOTE_LOGIN];
pub const INTERNAL_STATEMENTS: &[&str] = &[NOTE_FAILURES];

/// What a browser calls itself may be of any length.
const AGENT: usize = 200;

/// Where a right password has led.
pub enum Begun {
    In(Box<User>, Vec<HeaderValue>),
    /// The cookie for the page that asks for the code.
    CodeNext(Option<HeaderValue>),
}

/// Who was let in, and the cookies for the browser: the session's, and for a browser that is new here its own.
pub async fn log_in(
    app: &App,
    address: IpAddr,
    headers: &HeaderMap,
    given: Credentials,
) -> ApiResult<(User, Vec<HeaderValue>)> {
    match begin_login(app, address, headers, given).await? {
        Begun::In(user, cookies) => Ok((*user, cookies)),
        Begun::CodeNext(_) => Err(code_required()),
    }
}

/// An unknown name costs the same work.
pub async fn begin_login(
    app: &App,
    address: IpAddr,
    headers: &HeaderMap,
    given: Credentials,
) -> ApiResult<Begun> {
    let _timer = app.metrics.hashing.start_timer();
    let wrong = || {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "wrong_login",
            "Invalid username or password.",
        )
    };
    let (login, account) = find_login(app, &given.username, throttle::network(address)).await?;
    let device = device::known(headers, &account, login.as_ref());
    let who = who(device, &account, login.as_ref(), address);
    let stored = login.as_ref().map(|login| login.password_hash.clone());
    let second = second(app, login.as_ref(), given.code);
    let verdict = app.passwords.verify(who, given.password, stored, second).await?;
    let right = judged(app, address, login.as_ref(), verdict)?;
    let (login, right) = login.zip(right).ok_or_else(wrong)?;
    let Right::All(proof) = right else {
        // Of the password that was verified: it may be another one by now.
        let (now, secure) = (Timestamp::now().as_second(), app.settings.secure_cookies);
        let cookie = app.login_steps.cookie(&given.username, &login, now, secure);
        return Ok(Begun::CodeNext(cookie));
    };
    let (user, cookies) = let_in(app, address, headers, &login, &account, proof).await?;
    Ok(Begun::In(Box::new(user), cookies))
}

/// With a code, in a browser whose password was right some moments ago. None: it was not, or that is too long ago.
pub async fn log_in_by_code(
    app: &App,
    address: IpAddr,
    headers: &HeaderMap,
    code: SecretString,
) -> ApiResult<Option<Vec<HeaderValue>>> {
    let Some(step) = login_step::presented(headers) else {
        return Ok(None);
    };
    let (login, account) = find_login(app, &step.username, throttle::network(address)).await?;
    let now = Timestamp::now().as_second();
    let Some(login) = login.filter(|login| app.login_steps.is_right(&step, login, now)) else {
        return Ok(None);
    };
    let device = device::known(headers, &account, Some(&login));
    let who = who(device, &account, Some(&login), address);
    let second = second(app, Some(&login), Some(code));
    let verdict = app.passwords.verify_code(who, second).await?;
    let Some(Right::All(proof)) = judged(app, address, Some(&login), verdict)? else {
        return Ok(None);
    };
    let (_, mut cookies) = let_in(app, address, headers, &login, &account, proof).await?;
    cookies.extend(login_step::over(app.settings.secure_cookies));
    Ok(Some(cookies))
}

fn who(device: Option<Key>, account: &str, login: Option<&Login>, address: IpAddr) -> Who {
    let source = match device {
        Some(device) => Source::Known(device),
        None if login.is_some_and(|login| login.known) => Source::Known(network_key(address)),
        None => Source::Stranger(address),
    };
    Who::new(key("account", account.as_bytes()), source)
}

/// Whose password, and code, were right.
async fn let_in(
    app: &App,
    address: IpAddr,
    headers: &HeaderMap,
    login: &Login,
    account: &str,
    proof: Option<Proof>,
) -> ApiResult<(User, Vec<HeaderValue>)> {
    let inactive = || {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "account_inactive",
            "User account is inactive.",
        )
    };
    if login.status != "active" {
        app.failures
            .note(Some(login.user_id), throttle::network_name(address));
        return Err(inactive());
    }
    let network = throttle::network(address);
    let opened = app.sessions.open(login, network, proof).await?;
    let (session, cookie) = opened.ok_or_else(|| match proof {
        Some(_) => wrong_code(StatusCode::UNAUTHORIZED),
        None => inactive(),
    })?;
    // Somebody else may have brought that one into the browser.
    if let Some(Credential::Session(before, _)) = sessions::credential(headers) {
        app.sessions.close(&before).await?;
    }
    // Any role sees its own row.
    let own = Identity {
        role: DbRole::Staff,
        user_id: Some(login.user_id),
        admin: false,
        keep_session: None,
        read_only: false,
    };
    let (network, agent) = (throttle::network_name(address), agent(headers));
    let tx = app.store.write(&own).await?;
    tx.execute(NOTE_SESSION, &[&sessions::id_of(&session), &network, &agent])
        .await?;
    tx.execute(NOTE_LOGIN, &[&network, &agent]).await?;
    let user = users::operations::find(&tx, login.user_id).await?;
    tx.commit().await?;
    tracing::info!(user_id = user.id, "logged in");
    let mut cookies = vec![cookie];
    if device::known(headers, account, Some(login)).is_none() {
        cookies.extend(device::cookie(account, login, app.settings.secure_cookies));
    }
    Ok((user, cookies))
}

fn agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(USER_AGENT)?.to_str().ok()?;
    Some(text.chars().take(AGENT).collect())
}

/// Writes down which logins failed.
pub async fn note_failures(app: &App, failed: Vec<(Account, Untold)>) -> ApiResult<()> {
    if failed.is_empty() {
        return Ok(());
    }
    let (accounts, told): (Vec<_>, Vec<_>) = failed
        .iter()
        .map(|(account, untold)| (*account, untold.told()))
        .unzip();
    let args: Args<'_> = &[&accounts, &told];
    let written = app.store.call(&Identity::INTERNAL, NOTE_FAILURES, args).await;
    if written.is_err() {
        app.failures.give_back(failed);
    }
    written.map(drop)
}

/// The own one: every other session and every token ends.
pub async fn change_password(
    app: &App,
    user: &caller::User,
    address: IpAddr,
    change: PasswordChange,
) -> ApiResult<()> {
    let (_, verified_hash) = own_password(app, user, address, change.current_password).await?;
    let hash = app.passwords.hash(change.new_password).await?;
    let tx = app.store.write(&user.identity()).await?;
    if !tx
        .row(CHANGE_PASSWORD, &[&verified_hash, &hash])
        .await?
        .get::<_, bool>("change_password")
    {
        return Err(wrong_password());
    }
    tx.commit().await?;
    Ok(())
}

fn wrong_password() -> ApiError {
    ApiError::forbidden("wrong_password", "The current password is wrong.")
}

/// The own account's name and the hash of its password, if this is it.
pub async fn own_password(
    app: &App,
    user: &caller::User,
    address: IpAddr,
    password: SecretString,
) -> ApiResult<(String, String)> {
    let (who, login, name) = own_login(app, user, address, "session").await?;
    let stored = login.as_ref().map(|login| login.password_hash.clone());
    // A code was asked for when the session was opened.
    let verdict = app
        .passwords
        .verify(who, password, stored, Second::default())
        .await?;
    match (verdict, login) {
        (Verdict::Right(_), Some(login)) => Ok((name, login.password_hash)),
        (_, login) => {
            let account = login.map(|login| login.user_id);
            app.failures.note(account, throttle::network_name(address));
            Err(wrong_password())
        }
    }
}

/// Who guesses at the own account, in its session; what is guessed at is counted by its own `kind`.
pub async fn own_login(
    app: &App,
    user: &caller::User,
    address: IpAddr,
    kind: &str,
) -> ApiResult<(Who, Option<Login>, String)> {
    let tx = app.store.read(&user.identity()).await?;
    let account = users::operations::find(&tx, user.id).await?;
    tx.commit().await?;
    let session = user.session.ok_or_else(ApiError::unauthenticated)?;
    let (login, name) = app
        .sessions
        .find_login(&account.username, throttle::network(address))
        .await?;
    // A session is a source of its own: others' guesses keep nobody from a new password.
    let source = Source::Known(key(kind, &session));
    let who = Who::new(key("account", name.as_bytes()), source);
    Ok((who, login, account.username))
}

/// By the name as it was sent, which an account of an earlier release or one made in SQL may have; else by the composed name, as
/// this service stores names. Both ways to write it have one throttle.
async fn find_login(app: &App, username: &str, network: IpAddr) -> ApiResult<(Option<Login>, String)> {
    let composed = composed(username);
    let (login, account) = app.sessions.find_login(&composed, network).await?;
    if composed == username {
        return Ok((login, account));
    }
    let (other, _) = app.sessions.find_login(username, network).await?;
    Ok((other.or(login), account))
}

fn second(app: &App, login: Option<&Login>, code: Option<SecretString>) -> Second {
    Second {
        factor: login.and_then(|login| login.factor.clone()),
        code,
        keys: app.settings.second_factor_keys.clone(),
    }
}

enum Right {
    All(Option<Proof>),
    /// A code is needed besides.
    Password,
}

/// None: the password was wrong.
fn judged(app: &App, address: IpAddr, login: Option<&Login>, verdict: Verdict) -> ApiResult<Option<Right>> {
    let account = login.map(|login| login.user_id);
    let network = || throttle::network_name(address);
    if matches!(verdict, Verdict::Wrong | Verdict::CodeWrong) {
        app.failures.note(account, network());
    }
    if let Some(account) = account {
        match verdict {
            Verdict::CodeMissing => app.failures.await_code(account, network(), Instant::now()),
            Verdict::CodeWrong | Verdict::Right(Some(_)) => app.failures.code_came(account, network()),
            Verdict::Wrong | Verdict::Right(None) => {}
        }
    }
    match verdict {
        Verdict::Right(proof) => Ok(Some(Right::All(proof))),
        Verdict::Wrong => Ok(None),
        Verdict::CodeMissing => Ok(Some(Right::Password)),
        Verdict::CodeWrong => Err(wrong_code(StatusCode::UNAUTHORIZED)),
    }
}

fn code_required() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "code_required",
        "The password is right. Send a code of your authenticator app, or a recovery code, as `code` besides.",
    )
}

pub fn wrong_code(status: StatusCode) -> ApiError {
    ApiError::new(
        status,
        "wrong_code",
        "This code is not right, or was used already. Each counts once: wait for the next one.",
    )
}
