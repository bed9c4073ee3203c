//! Staff looks at a seller's console. Of whoever does, the audit has a line an hour for each seller: a login as that seller.

use crate::app::caller::User;
use crate::error::{ApiError, ApiResult};
use crate::resources::users;
use crate::store::tx::Store;

/// No network in it: else it would pass for a login of the seller's own.
const NOTE_LOOK: &str = "\
    insert into audit_log (user_id, db_role, action, object_type, object_id, after)
    select session_user_id(), session_user, 'login', 'users', u.id::text, jsonb_build_object('looks_as', u.username)
      from users u
     where u.id = $1 and u.role = 'user'
       and not exists (select from audit_log a
                        where a.object_type = 'users' and a.object_id = u.id::text and a.action = 'login'
                          and a.user_id = session_user_id() and a.after ? 'looks_as' and a.at > now() - interval '1 hour')";

pub const STAFF_STATEMENTS: &[&str] = &[NOTE_LOOK];

/// The seller, once the audit has it.
pub async fn look(store: &Store, by: &User, seller: i64) -> ApiResult<users::objects::User> {
    let tx = store.read(&by.identity()).await?;
    let found = users::operations::find(&tx, seller).await?;
    tx.commit().await?;
    if found.role != "user" {
        return Err(ApiError::not_found(format!(
            "There is no seller with ID {seller}."
        )));
    }
    store.call(&by.identity(), NOTE_LOOK, &[&seller]).await?;
    Ok(found)
}
