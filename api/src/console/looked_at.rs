//! The seller whose console is looked at: as whom its pages are made, and what stands around them.

use askama::Template;

use crate::app::caller::{Admits, User};
use crate::error::{ApiError, ApiResult};

/// Before the seller's id.
pub const UNDER: &str = "/console/as/";

/// Who is looked at. Made once it is clear who looks, and the audit has it.
#[derive(Debug, Clone)]
pub struct Looking {
    seller: i64,
    name: String,
}

#[derive(Template)]
#[template(path = "looking.html")]
struct Banner<'a> {
    seller: i64,
    name: &'a str,
}

impl Looking {
    pub fn at(seller: i64, name: String) -> Self {
        Looking { seller, name }
    }

    pub fn base(&self) -> String {
        format!("{UNDER}{}", self.seller)
    }

    /// As whom a page is made, where sellers may see it.
    pub fn user<A: Admits>(&self) -> ApiResult<User> {
        if !A::ROLES.contains(&"user") {
            return Err(ApiError::forbidden("wrong_role", "No seller sees this page."));
        }
        Ok(User {
            id: self.seller,
            role: "user".into(),
            session: None,
            is_looked_at: true,
        })
    }

    /// The page with a banner, and with its links leading on under the same address. A quote in a text is escaped, so nothing but
    /// attributes reads like one.
    pub fn frame(&self, page: &str) -> ApiResult<String> {
        const MAIN: &str = "<main id=\"main\">";
        let banner = Banner {
            seller: self.seller,
            name: &self.name,
        };
        let banner = banner
            .render()
            .map_err(|error| ApiError::internal(error.to_string()))?;
        let base = self.base();
        let page = page
            .replace("href=\"/console", &format!("href=\"{base}"))
            .replace("action=\"/console", &format!("action=\"{base}"))
            .replace(&format!("href=\"{base}/assets/"), "href=\"/console/assets/");
        Ok(page.replacen(MAIN, &format!("{banner}{MAIN}"), 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_on_and_texts_stay() {
        let looking = Looking {
            seller: 3,
            name: "alice".into(),
        };
        let page = "<link href=\"/console/assets/a.css\"><main id=\"main\"><a href=\"/console\">1</a><a href=\"/docs\">2</a>\
                    <form action=\"/console/search\">href=&#34;/console</form>";
        let framed = looking.frame(page).expect("a page");
        for part in [
            "<link href=\"/console/assets/a.css\">",
            "<a href=\"/console/as/3\">1</a><a href=\"/docs\">2</a>",
            "<form action=\"/console/as/3/search\">href=&#34;/console</form>",
            "href=\"/console/sellers/3\"",
        ] {
            assert!(framed.contains(part), "{part}: {framed}");
        }
    }
}
