//! Callers: who is blocked or allowed, and whom calls have seen; blocking one, lists as CSV, and a caller's right to be forgotten.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::get;
use capconduit_core::SetBy;

use super::form::{Field, Form, Kind, Sent};
use super::frame::{Frame, page};
use super::hours::side;
use super::numbers::{filled, said, with};
use super::show;
use super::viewer::{Anyone, Staff};
use crate::app::AppState;
use crate::app::caller::User;
use crate::error::{ApiError, ApiResult};
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::import;
use crate::http::list::Request;
use crate::http::page::Page;
use crate::http::params::{Id, Params};
use crate::http::text::Text;
use crate::resources::callers::export::export;
use crate::resources::callers::list::{Marks, OwnMarks};
use crate::resources::callers::objects::{ALL_KINDS, Forgotten, KINDS, Mark, NewMark, SCOPES};
use crate::resources::callers::operations::{self, Marker};
use crate::resources::{campaigns, clients, links};
use crate::store::tx::Tx;

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/callers", get(list))
        .route("/console/callers.csv", get(csv))
        .route("/console/callers/new", get(new).post(create))
        .route("/console/callers/import", get(ask_import).post(import))
        .route("/console/callers/erase", get(ask_erase).post(erase))
        .route("/console/callers/erased", get(erased))
        .route("/console/callers/{id}/delete", get(ask_delete).post(delete))
}

fn marker(viewer: &User) -> Marker {
    Marker {
        by: side(viewer),
        user_id: viewer.id,
    }
}

#[derive(Template)]
#[template(path = "callers.html")]
struct Callers {
    frame: Frame,
    list: Page<Mark>,
    asked: Params,
    query: String,
    next: String,
}

impl Callers {
    fn value(&self, key: &str) -> &str {
        self.asked.raw(key).unwrap_or_default()
    }

    /// Where a new mark would hold, by what the list is about.
    fn place(&self) -> String {
        let of = |key: &str| self.asked.raw(key).unwrap_or_default();
        match (of("scope"), of("scope_id")) {
            ("", "") if !of("campaign_id").is_empty() => format!("campaign/{}", of("campaign_id")),
            ("", "") if !of("client_id").is_empty() => format!("client/{}", of("client_id")),
            (_, "") => String::new(),
            (scope, id) => format!("{scope}/{id}"),
        }
    }

    /// Of its own side.
    fn may_delete(&self, mark: &Mark) -> bool {
        self.frame.is_seller() != matches!(mark.scope.as_str(), "platform" | "client")
    }
}

/// The filters that there are: one that does not exist must not show everything.
fn checked(app: &AppState, viewer: &User, uri: &Uri, ending: &str) -> ApiResult<String> {
    let query = filled(uri.query().unwrap_or_default());
    let path = match side(viewer) {
        SetBy::Seller => "/api/seller/callers",
        SetBy::Platform => "/api/admin/callers",
    };
    app.known_params
        .check_names(Method::GET, &format!("{path}{ending}"), &query)?;
    Ok(query)
}

async fn list(State(app): State<AppState>, viewer: Anyone, uri: Uri) -> ApiResult<Response> {
    let query = checked(&app, &viewer, &uri, "")?;
    let asked = Params::parse(&query);
    let all = Params::parse(&with(&query, "per_page", "100"));
    let tx = app.store.read(&viewer.identity()).await?;
    let list = match side(&viewer) {
        SetBy::Seller => operations::list(&tx, &Request::<OwnMarks>::read(&all)?).await?,
        SetBy::Platform => operations::list(&tx, &Request::<Marks>::read(&all)?).await?,
    };
    tx.commit().await?;
    page(&Callers {
        frame: Frame::of(&viewer, "callers"),
        next: with(&query, "page", &(list.page + 1).to_string()),
        list,
        asked,
        query,
    })
}

async fn csv(State(app): State<AppState>, viewer: Anyone, uri: Uri) -> ApiResult<Response> {
    let params = Params::parse(&checked(&app, &viewer, &uri, ".csv")?);
    match side(&viewer) {
        SetBy::Seller => export::<OwnMarks>(app, &viewer, params).await,
        SetBy::Platform => export::<Marks>(app, &viewer, params).await,
    }
}

/// `seller`, `campaign/1`: where a mark holds, as one field says it.
const PLACE: &str = "where";

/// A mark as a form gives it.
struct Marked(NewMark);

impl Input for Marked {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        let place = f.required_text(PLACE, &Text::name(1, 40));
        let mut mark = NewMark::read(f);
        let (scope, id) = place.split_once('/').unwrap_or((&place, ""));
        mark.scope = Some(scope.to_owned());
        mark.scope_id = id.parse().ok();
        if !SCOPES.contains(&scope) || mark.scope_id.is_none() != id.is_empty() {
            f.error(PLACE, "One of these is expected.");
        }
        Marked(mark)
    }
}

/// As many campaigns, links or clients as a list offers.
const OFFERED: &str = "per_page=500";

/// The places where the viewer may mark callers.
async fn places(tx: &Tx, viewer: &User) -> ApiResult<Vec<(String, String)>> {
    let all = Params::parse(OFFERED);
    let mut places = Vec::new();
    match side(viewer) {
        SetBy::Seller => {
            places.push(("seller".to_owned(), "all my campaigns".to_owned()));
            let campaigns = campaigns::operations::list(tx, &Request::read(&all)?)
                .await?
                .items;
            places.extend(
                campaigns
                    .into_iter()
                    .map(|one| (format!("campaign/{}", one.id), format!("campaign {}", one.name))),
            );
            let links = links::operations::list(tx, &Request::<links::list::OwnLinks>::read(&all)?).await?;
            places.extend(links.items.into_iter().map(|one| {
                let name = format!("link {}: {}", one.campaign_name, one.client_name);
                (format!("link/{}", one.link_id), name)
            }));
        }
        SetBy::Platform => {
            places.push(("platform".to_owned(), "all calls of all sellers".to_owned()));
            let clients = clients::operations::list(tx, &Request::read(&all)?).await?.items;
            places.extend(
                clients
                    .into_iter()
                    .map(|one| (format!("client/{}", one.id), format!("client {}", one.name))),
            );
        }
    }
    Ok(places)
}

async fn new_form(app: &AppState, viewer: &User, params: &Params) -> ApiResult<Form> {
    let tx = app.store.read(&viewer.identity()).await?;
    let mut places = places(&tx, viewer).await?;
    tx.commit().await?;
    let asked = params.raw(PLACE).unwrap_or_default();
    // However many there are, the one that is asked for is among them; whether it is there is said when the form is sent.
    if !asked.is_empty() && places.iter().all(|(place, _)| place != asked) {
        places.push((asked.to_owned(), asked.replace('/', " ")));
    }
    let fields = vec![
        Field::new("caller", "Caller", Kind::Text)
            .help("A number, such as +4930123456")
            .value(params.raw("caller").unwrap_or_default()),
        Field::choice("kind", "It is", KINDS)
            .help("allowed: what is blocked on your side does not hold for it."),
        Field::new(PLACE, "For", Kind::Choice(places))
            .help("Of a link or a client: its calls pass that one over, and may go to others.")
            .value(asked),
        Field::new("until", "Until", Kind::Text)
            .help("An instant, such as 2030-12-27T08:00+01:00; without an offset it is UTC. Empty: for ever.")
            .maybe(None::<&str>),
        Field::new("note", "Note", Kind::Text).maybe(None::<&str>),
    ];
    let form = Form::new(
        Frame::of(viewer, "callers"),
        "Block or allow a caller",
        "/console/callers",
        "Save",
    )?;
    Ok(form
        .intro("It holds for the next call. Calls in flight go on.")
        .fields(fields))
}

async fn new(State(app): State<AppState>, viewer: Anyone, params: Params) -> ApiResult<Response> {
    new_form(&app, &viewer, &params).await?.show()
}

async fn create(
    State(app): State<AppState>,
    viewer: Anyone,
    params: Params,
    sent: Sent,
) -> ApiResult<Response> {
    let form = new_form(&app, &viewer, &params).await?;
    form.save(
        &app,
        &viewer.identity(),
        &sent,
        async |tx, Marked(new): Marked| {
            let mark = operations::create(tx, marker(&viewer), &new).await?;
            Ok(format!("/console/callers?{}", with("", "caller", &mark.caller)))
        },
    )
    .await
}

/// CSV as it was pasted.
struct Csv(String);

impl Input for Csv {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        Csv(f.required_text("lines", &Text::anything()))
    }
}

#[derive(Template)]
#[template(path = "callers_imported.html")]
struct Imported {
    frame: Frame,
    created: usize,
    replaced: usize,
    /// The line, what was sent there and what is wrong with it.
    faults: Vec<(u64, String, String)>,
}

fn import_form(viewer: &User) -> ApiResult<Form> {
    let field = Field::new("lines", "Callers", Kind::Csv).help(
        "A caller on each line, and behind a comma a note: these are blocked. Or CSV whose first line names its columns: caller, and kind, \
         scope, scopeId, until and note if wanted, as the export has them. At most 10,000 lines.",
    );
    let form = Form::new(
        Frame::of(viewer, "callers"),
        "Import callers",
        "/console/callers",
        "Import them",
    )?;
    Ok(form
        .intro("A caller that is marked so already gets the line's end and note. Faulty lines are told, and the others are taken.")
        .fields(vec![field]))
}

async fn ask_import(viewer: Anyone) -> ApiResult<Response> {
    import_form(&viewer)?.show()
}

/// CSV of what was pasted, and how many lines stand before it. Names of columns have no digit, and every caller has one.
fn as_csv(text: &str) -> (String, u64) {
    let first = text.lines().next().unwrap_or_default();
    if !first.chars().any(|c| c.is_ascii_digit()) {
        return (text.to_owned(), 0);
    }
    let cell = |text: &str| format!("\"{}\"", text.trim().replace('"', "\"\""));
    let lines = text.lines().map(|line| {
        let (caller, note) = line.split_once([',', ';', '\t']).unwrap_or((line, ""));
        format!("{},{}\n", cell(caller), cell(note))
    });
    (format!("caller,note\n{}", lines.collect::<String>()), 1)
}

async fn import(State(app): State<AppState>, viewer: Anyone, sent: Sent) -> ApiResult<Response> {
    let mut form = import_form(&viewer)?;
    let text = match form.parse::<Csv>(&sent) {
        Ok(Csv(text)) => text,
        Err(error) => return form.answer(Err(error)),
    };
    let text = text.trim_start();
    let (csv, before) = as_csv(text);
    let read = match import::of_csv::<NewMark>(csv.as_bytes()) {
        Ok(read) if read.is_empty() => Err(ApiError::field(&["lines"], "There is no line.")),
        read => read,
    };
    let lines = match read {
        Ok(lines) => lines,
        Err(error) => return form.answer(Err(error)),
    };
    let tx = app.store.write(&viewer.identity()).await?;
    let imported = operations::import(&tx, marker(&viewer), lines, false).await?;
    tx.commit().await?;
    let sent: Vec<&str> = text.lines().collect();
    let faults = imported.lines.into_iter().filter_map(|line| {
        let line_of_text = line.line.checked_sub(before)?;
        let at = usize::try_from(line_of_text).ok()?.checked_sub(1)?;
        let text = sent.get(at).copied().unwrap_or_default().to_owned();
        Some((line_of_text, text, said(&line.errors?)))
    });
    page(&Imported {
        frame: Frame::of(&viewer, "callers"),
        created: imported.created,
        replaced: imported.replaced,
        faults: faults.collect(),
    })
}

async fn delete_form(app: &AppState, viewer: &User, id: i64) -> ApiResult<Form> {
    let tx = app.store.read(&viewer.identity()).await?;
    let mark = operations::find(&tx, id).await?;
    tx.commit().await?;
    let form = Form::new(
        Frame::of(viewer, "callers"),
        format!("Take {} off the list?", mark.caller),
        "/console/callers",
        "Take it off",
    )?;
    let then = match mark.kind.as_str() {
        "seen" => "As if it had never called: it may call again at once.",
        "allowed" => "It is no longer allowed: what is blocked holds for it again.",
        _ => "It is no longer blocked: its next call is taken.",
    };
    Ok(form
        .danger()
        .intro(format!("{} for {}. {then}", mark.kind, show::scope(&mark))))
}

async fn ask_delete(State(app): State<AppState>, viewer: Anyone, Id(id): Id) -> ApiResult<Response> {
    delete_form(&app, &viewer, id).await?.show()
}

async fn delete(State(app): State<AppState>, viewer: Anyone, Id(id): Id, sent: Sent) -> ApiResult<Response> {
    let form = delete_form(&app, &viewer, id).await?;
    form.go_on(&app, &viewer.identity(), &sent, async |tx| {
        operations::delete(tx, id).await?;
        Ok("/console/callers".to_owned())
    })
    .await
}

fn erase_form(staff: &Staff, params: &Params) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(staff, "callers"),
        "Forget a caller",
        "/console/callers",
        "Forget it everywhere",
    )?;
    Ok(form
        .danger()
        .intro(
            "Its marks go, and its number and name in the calls and records of all sellers. Records stay, and count. It cannot be undone. \
             It is audited, without the number.",
        )
        .fields(vec![
            Field::new("caller", "Caller", Kind::Text).value(params.raw("caller").unwrap_or_default()),
        ]))
}

async fn ask_erase(staff: Staff, params: Params) -> ApiResult<Response> {
    erase_form(&staff, &params)?.show()
}

async fn erase(State(app): State<AppState>, staff: Staff, params: Params, sent: Sent) -> ApiResult<Response> {
    let form = erase_form(&staff, &params)?;
    form.save(
        &app,
        &staff.identity(),
        &sent,
        async |tx, forgotten: Forgotten| {
            let erased = operations::erase(tx, &forgotten.caller).await?;
            Ok(format!(
                "/console/callers/erased?marks={}&calls={}&records={}",
                erased.marks, erased.calls, erased.records
            ))
        },
    )
    .await
}

#[derive(Template)]
#[template(path = "callers_erased.html")]
struct Erased {
    frame: Frame,
    marks: i32,
    calls: i32,
    records: i32,
}

async fn erased(staff: Staff, params: Params) -> ApiResult<Response> {
    let count = |key| Ok::<_, ApiError>(params.whole(key, 0..=i32::MAX)?.unwrap_or(0));
    page(&Erased {
        frame: Frame::of(&staff, "callers"),
        marks: count("marks")?,
        calls: count("calls")?,
        records: count("records")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pasted_is_read_as_csv() {
        for (text, expected) in [
            (
                "+49301\n+49302; a \"b\"\n",
                ("caller,note\n\"+49301\",\"\"\n\"+49302\",\"a \"\"b\"\"\"\n", 1),
            ),
            ("caller,kind\n+49301,allowed", ("caller,kind\n+49301,allowed", 0)),
        ] {
            assert_eq!(as_csv(text), (expected.0.to_owned(), expected.1));
        }
    }
}
