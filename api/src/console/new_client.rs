//! For staff: a new client, and how calls reach it. What few clients need of SIP is set through the API.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::form::{Field, Form, Kind, Sent, fault_of};
use super::frame::Frame;
use super::viewer::Staff;
use crate::app::AppState;
use crate::app::settings::PjsipNames;
use crate::error::ApiResult;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::text::Text;
use crate::resources::clients::objects::NewClient;
use crate::resources::clients::operations;

pub fn router() -> Router<AppState> {
    Router::new().route("/console/clients/new", get(new).post(create))
}

/// A client as the form gives it: its three SIP objects have its identifier as their id.
struct Given(Option<NewClient>);

const OWN: [&str; 5] = ["contact", "username", "password", "context", "transport"];
const CLIENTS: [&str; 3] = ["clientIdentifier", "name", "timeZone"];

impl Input for Given {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        let mut text = |key| f.nullable_text(key, &Text::anything()).flatten();
        let [contact, username, password, context, transport] = OWN.map(&mut text);
        let client = CLIENTS.map(|key| (key, text(key)));
        let id = client[0].1.clone();
        let mut endpoint = Map::from_iter([
            ("id".to_owned(), json!(id)),
            ("aors".to_owned(), json!(id)),
            ("context".to_owned(), json!(context)),
            ("transport".to_owned(), json!(transport)),
        ]);
        let mut pjsip = json!({"aor": {"id": id, "contact": contact}});
        if username.is_some() || password.is_some() {
            pjsip["auth"] = json!({"id": id, "username": username, "password": password});
            // With an address calls are sent there, and the name is what it asks for; without one it registers with the name.
            let direction = if contact.is_some() {
                "outbound_auth"
            } else {
                "auth"
            };
            endpoint.insert(direction.to_owned(), json!(id));
        }
        pjsip["endpoint"] = Value::Object(endpoint);
        let given = client
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), json!(value?))));
        let mut map: Map<String, Value> = given.collect();
        map.insert("pjsip".to_owned(), pjsip);
        match Fields::one_of_many::<NewClient>(&map) {
            Ok(new) => Given(Some(new)),
            Err(errors) => {
                let errors = Value::Object(errors);
                let mut told = false;
                for key in OWN.iter().chain(&CLIENTS) {
                    if let Some(fault) = fault_of(&errors, key) {
                        f.error(key, fault);
                        told = true;
                    }
                }
                if !told {
                    f.error(CLIENTS[0], "Cannot be used as the name of a SIP endpoint.");
                }
                Given(None)
            }
        }
    }
}

fn choice(name: &'static str, label: &'static str, choices: &[String]) -> Field {
    let choices = choices.iter().map(|choice| (choice.clone(), choice.clone()));
    Field::new(name, label, Kind::Choice(choices.collect()))
}

fn form(staff: &Staff, names: &PjsipNames) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(staff, "clients"),
        "New client",
        "/console/clients",
        "Make the client",
    )?;
    Ok(form
        .intro(
            "A call center that buys calls. Calls are sent to its SIP address; one without a fixed address registers with a user name and a \
             password.",
        )
        .fields(vec![
            Field::new("clientIdentifier", "Identifier", Kind::Text)
                .help("Its name on the switch, which stays as it is: letters, digits, _ - and ."),
            Field::new("name", "Name", Kind::Text),
            Field::new("contact", "SIP address", Kind::Text)
                .help("Such as sip:203.0.113.5:5060. Empty: it registers.")
                .maybe(None::<&str>),
            Field::new("username", "SIP user name", Kind::Text)
                .help("With which it registers; with an address, what it asks for when it is called")
                .maybe(None::<&str>),
            Field::new("password", "SIP password", Kind::NewSecret)
                .help("8 characters at least")
                .maybe(None::<&str>),
            choice("transport", "Transport", &names.transports),
            choice("context", "Context of its calls", &names.contexts),
            Field::new("timeZone", "Time zone", Kind::Text)
                .help("In which the days of its caps begin: IANA's name of a place, such as America/New_York, or UTC")
                .value("UTC"),
        ]))
}

async fn new(State(app): State<AppState>, staff: Staff) -> ApiResult<Response> {
    form(&staff, &app.settings.pjsip)?.show()
}

async fn create(State(app): State<AppState>, staff: Staff, sent: Sent) -> ApiResult<Response> {
    let names = &app.settings.pjsip;
    let form = form(&staff, names)?;
    form.save(&app, &staff.identity(), &sent, async |tx, Given(new): Given| {
        // What is faulty has been told.
        let new = new.ok_or_else(|| crate::error::ApiError::internal("a client without fields"))?;
        let made = operations::create(tx, names, staff.id, new).await?;
        Ok(format!("/console/clients/{}", made.client.id))
    })
    .await
}
