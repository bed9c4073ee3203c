//! What is sent to log in and to change the own password, and what is shown of who is logged in.

use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::password;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::text::Text;
use crate::resources::users::objects::User;

/// Of a second factor. What is none is refused as a wrong code.
pub const CODE: Text = Text::name(1, 100);

#[derive(Debug, ToSchema)]
pub struct Credentials {
    #[schema(example = "seller_alice")]
    pub username: String,
    #[schema(value_type = String, write_only, example = "password")]
    pub password: SecretString,
    /// Of a user with a second factor: six digits of the authenticator app, or a recovery code.
    #[schema(value_type = String, write_only, required = false, nullable = false, example = "123456")]
    pub code: Option<SecretString>,
}

impl Input for Credentials {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        Credentials {
            // Whatever could never be an account is refused as a wrong login, not as a wrong field.
            username: f.required_text("username", &Text::name(1, 255)),
            password: f.required_text("password", &Text::exact(1, 1024)).into(),
            code: f.text("code", &CODE).map(SecretString::from),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PasswordChange {
    #[schema(value_type = String, write_only)]
    pub current_password: SecretString,
    #[schema(value_type = String, min_length = 8, max_length = 128, write_only)]
    pub new_password: SecretString,
}

impl Input for PasswordChange {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        PasswordChange {
            current_password: f.required_text("currentPassword", &Text::exact(1, 1024)).into(),
            new_password: f.required_text("newPassword", &password::RULE).into(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct LoggedIn {
    #[schema(example = "Login successful.")]
    pub message: &'static str,
    pub user: User,
}

/// The one object of the contract whose key is snake_case.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    #[schema(example = "Logged in.")]
    pub message: &'static str,
    pub logged_in: bool,
    pub user: User,
}
