//! Who looks at a page: somebody with a session. A token opens no page.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::looked_at::Looking;
use crate::app::AppState;
use crate::app::caller::{
    AdminOnly, AdminOrStaff, Admits, Caller, Everybody, EverybodyEnrolling, SellerOnly, User,
};
use crate::error::ApiError;

#[derive(Debug)]
pub struct Viewer<A>(User, PhantomData<A>);

/// The same roles as of a route of the API, in a session.
#[derive(Debug)]
pub struct InSession<A>(A);

impl<A: Admits> Admits for InSession<A> {
    const ROLES: &'static [&'static str] = A::ROLES;
    const TOKENS: bool = false;
    const UNPROTECTED: bool = A::UNPROTECTED;
}

pub type Seller = Viewer<InSession<SellerOnly>>;
pub type Staff = Viewer<InSession<AdminOrStaff>>;
pub type Admin = Viewer<InSession<AdminOnly>>;
pub type Anyone = Viewer<InSession<Everybody>>;
pub type Enrolling = Viewer<InSession<EverybodyEnrolling>>;

impl<A: Admits> FromRequestParts<AppState> for Viewer<A> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Self::Rejection> {
        let user = match parts.extensions.get::<Looking>() {
            None => Caller::<A>::admitted(parts, app).await?.user,
            Some(looking) => looking.user::<A>()?,
        };
        Ok(Viewer(user, PhantomData))
    }
}

impl<A> Deref for Viewer<A> {
    type Target = User;

    fn deref(&self) -> &User {
        &self.0
    }
}
