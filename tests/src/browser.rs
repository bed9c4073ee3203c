//! A real Chromium in front of the service, headless, driven by chromedriver. Owns: its start and certain end, what a person does in it,
//! and what every page must keep to: no error in its console, no request to anywhere else, nothing that axe-core calls serious.

use std::fmt::Display;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::api::{Visitor, loopback};
use crate::guarded::Guarded;
use crate::{eventually, project};

/// What axe-core is asked about every page: the success criteria of WCAG 2.2, levels A and AA, and its own best practices.
const AXE: &str = "const finish = arguments[0];
    axe.run(document, { resultTypes: ['violations'] }).then((found) => finish(found.violations
        .filter((one) => ['serious', 'critical'].includes(one.impact))
        .map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).join(' | ')}`)), String);";

static AXE_SOURCE: LazyLock<String> = LazyLock::new(|| {
    let file = project::root().join(".tools/axe/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(file).expect("scripts/setup lint fetches axe-core")
});

pub struct Browser {
    client: Client,
    driver_address: String,
    session: String,
    /// Where the service is.
    origin: String,
    /// In this order. Chromium ends with its driver: a pipe between the two closes.
    _ends: (Guarded, Folder),
}

/// What Chromium and its driver write; gone after them.
struct Folder {
    path: PathBuf,
    chromium: Option<u64>,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(chromium) = self.chromium {
            // It ends a moment after its driver.
            let pid = format!("--pid={chromium}");
            let ended = [
                "3",
                "tail",
                &pid,
                "--sleep-interval=0.03",
                "--follow",
                "/dev/null",
            ];
            let _ = Command::new("timeout").args(ended).status();
        }
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

impl Browser {
    /// In front of the service that listens at this address. Nothing else can be reached.
    pub async fn start(address: &str) -> Self {
        let driver_address = loopback();
        let (_, port) = driver_address.rsplit_once(':').expect("a port");
        let mut folder = Folder {
            path: project::fresh_state_folder().with_extension("chromium"),
            chromium: None,
        };
        std::fs::create_dir(&folder.path).expect("a folder of its own");
        let mut command = Command::new("sh");
        // What it writes belongs to the log.
        command.args(["-c", "exec chromedriver --port=$0 >&2", port]);
        command.env("TMPDIR", &folder.path);
        let driver = Guarded::run("chromedriver", &command);
        let probe = Visitor::of(&driver_address);
        eventually("chromedriver listens", async || {
            probe.try_send("GET", "/status", None).await.is_ok()
        })
        .await;
        let arguments = [
            "--headless=new",
            // Chromium refuses root, and containers have no user namespaces. It sees nothing but the service.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--disable-sync",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--force-color-profile=srgb",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--remote-debugging-pipe",
        ];
        let wanted = json!({
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {"args": arguments},
        });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted.as_object().expect("an object").clone())
            .connect(&format!("http://{driver_address}"))
            .await
            .unwrap_or_else(|error| panic!("Chromium does not start: {error}; {}", driver.log()));
        folder.chromium = client
            .capabilities()
            .and_then(|given| given["goog:processID"].as_u64());
        let session = client.session_id().await.expect("an answer").expect("a session");
        let browser = Self {
            client,
            driver_address,
            session,
            origin: format!("http://{address}"),
            _ends: (driver, folder),
        };
        browser.look(Look::WIDE).await;
        browser
    }

    /// As if somebody looked so; the page is not loaded anew.
    pub async fn look(&self, look: Look) {
        let size = json!({"width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if look.dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.driver("goog/cdp/execute", body).await
    }

    /// What only chromedriver knows.
    async fn driver(&self, command: &str, body: Value) -> Value {
        let path = format!("/session/{}/{command}", self.session);
        let answer = Visitor::of(&self.driver_address).post(&path, body).await;
        answer.expect_status(200).json()["value"].take()
    }

    pub async fn open(&self, path: &str) {
        let url = format!("{}{path}", self.origin);
        self.client.goto(&url).await.unwrap_or_else(failed(path));
    }

    /// The path and the query of the page that is shown.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.unwrap_or_else(failed("the URL"));
        let path = url.as_str().strip_prefix(&self.origin);
        path.unwrap_or_else(|| panic!("{url} is not of the service"))
            .to_owned()
    }

    pub async fn expect_path(&self, path: &str) {
        eventually(&format!("{path} is shown"), async || self.path().await == path).await;
    }

    pub async fn back(&self) {
        self.client.back().await.unwrap_or_else(failed("back"));
    }

    /// A minimized window hides its tab.
    pub async fn minimize(&self) {
        self.client
            .minimize_window()
            .await
            .unwrap_or_else(failed("minimize"));
    }

    pub async fn restore(&self) {
        let restored = self.client.set_window_size(1440, 900).await;
        restored.unwrap_or_else(failed("restore"));
    }

    /// The first one that matches, once it is there.
    async fn find(&self, css: &str) -> Element {
        let found = self.client.wait().for_element(Locator::Css(css)).await;
        found.unwrap_or_else(failed(css))
    }

    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap_or_else(failed(css));
    }

    /// The link or button with this text.
    pub async fn follow(&self, text: &str) {
        let path = format!("//*[self::a or self::button][normalize-space()='{text}']");
        let found = self.client.wait().for_element(Locator::XPath(&path)).await;
        found
            .unwrap_or_else(failed(text))
            .click()
            .await
            .unwrap_or_else(failed(text));
    }

    /// Types into a field, in place of what is there.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap_or_else(failed(css));
        field.send_keys(text).await.unwrap_or_else(failed(css));
    }

    pub async fn choose(&self, css: &str, value: &str) {
        let field = self.find(css).await;
        field.select_by_value(value).await.unwrap_or_else(failed(css));
    }

    /// Sends the form of the page.
    pub async fn send(&self) {
        self.click("main .actions button").await;
    }

    /// Keys, for whatever has the focus.
    pub async fn press(&self, keys: &str) {
        let focused = self
            .client
            .active_element()
            .await
            .unwrap_or_else(failed("the focus"));
        focused.send_keys(keys).await.unwrap_or_else(failed(keys));
    }

    /// The value of an expression in the page.
    pub async fn value(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        let value = self.client.execute(&script, Vec::new()).await;
        value.unwrap_or_else(failed(expression))
    }

    pub async fn is_true(&self, expression: &str) -> bool {
        self.value(expression).await == json!(true)
    }

    /// What a person reads on the page.
    pub async fn text(&self) -> String {
        let text = self.value("document.body.innerText").await;
        text.as_str().expect("a text").to_owned()
    }

    /// Waits until the page shows it; it is not loaded anew.
    pub async fn shows(&self, text: &str) {
        eventually(&format!("the page shows {text:?}"), async || {
            self.text().await.contains(text)
        })
        .await;
    }

    pub async fn log_in(&self, username: &str) {
        self.open("/console/login").await;
        self.fill("#username", username).await;
        self.fill("#password", "password").await;
        self.send().await;
        eventually("somebody is logged in", async || {
            !self.path().await.contains("/login")
        })
        .await;
    }

    /// Nobody has to scroll sideways.
    pub async fn assert_fits(&self) {
        let wide = self
            .value("[...document.querySelectorAll('body, body *')].filter((part) => part.getBoundingClientRect().right > innerWidth + 1 \
                    && !part.closest('.wide') && !part.closest('.skip, .hidden')).map((part) => part.outerHTML.slice(0, 120))")
            .await;
        let fits = self
            .is_true("document.documentElement.scrollWidth <= innerWidth")
            .await;
        assert!(fits, "{} scrolls sideways: {wide:#}", self.path().await);
    }

    /// No finding of axe-core that is serious or worse.
    pub async fn assert_accessible(&self) {
        let loaded = self.client.execute(&AXE_SOURCE, Vec::new()).await;
        loaded.unwrap_or_else(failed("axe-core"));
        let found = self.client.execute_async(AXE, Vec::new()).await;
        let found = found.unwrap_or_else(failed("axe-core"));
        assert_eq!(found, json!([]), "{}: {found:#}", self.path().await);
    }

    /// Since the last look: nothing but these stands in the browser's console, and nobody but the service was asked.
    pub async fn assert_clean_but(&self, expected: &[&str]) {
        let said = self.driver("se/log", json!({"type": "browser"})).await;
        for entry in said.as_array().expect("entries") {
            let message = entry["message"].as_str().expect("a message");
            let is_expected = expected.iter().any(|part| message.contains(part));
            assert!(is_expected, "{} says: {message}", self.path().await);
        }
        let events = self.driver("se/log", json!({"type": "performance"})).await;
        for event in events.as_array().expect("events") {
            let text = event["message"].as_str().expect("a message");
            let event: Value = serde_json::from_str(text).expect("JSON");
            if event["message"]["method"] != "Network.requestWillBeSent" {
                continue;
            }
            let request = &event["message"]["params"];
            let asker = request["documentURL"].as_str().expect("a URL");
            let url = request["request"]["url"].as_str().expect("a URL");
            // Chromium's own first tab, and the icon that it has in a field for a date, come from nowhere.
            if asker.starts_with("chrome://") || url.starts_with("data:") {
                continue;
            }
            let is_own = url.starts_with(&format!("{}/", self.origin));
            assert!(is_own, "{} asks for {url}", self.path().await);
        }
    }

    pub async fn assert_clean(&self) {
        self.assert_clean_but(&[]).await;
    }

    /// The whole page as a PNG.
    pub async fn picture(&self) -> Vec<u8> {
        let clip = "({x: 0, y: 0, width: innerWidth, height: document.body.offsetHeight, scale: 1})";
        let clip = self.value(clip).await;
        let shot = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let answer = self.devtools("Page.captureScreenshot", shot).await;
        let data = answer["data"].as_str().expect("a picture");
        STANDARD.decode(data).expect("base64")
    }
}

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub width: u32,
    pub dark: bool,
}

impl Look {
    pub const WIDE: Self = Self {
        width: 1440,
        dark: false,
    };
    /// A small telephone.
    pub const NARROW: Self = Self {
        width: 320,
        dark: false,
    };

    pub const fn dark(self) -> Self {
        Self { dark: true, ..self }
    }
}

fn failed<E: Display, T>(what: &str) -> impl FnOnce(E) -> T {
    move |error| panic!("{what}: {error}")
}
