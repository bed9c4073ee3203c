//! Declares functions of the server that are called several at a time behind one guard. pgrx guards each call into the server by
//! itself, which for the small ones that a call is made of, hundreds of them, takes as long as what they do.

/// Declares functions of the server, and holds that pgrx declares them so for the server's release.
macro_rules! server {
    ($($(#[$meta:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        unsafe extern "C-unwind" {
            $($(#[$meta])* fn $name($($argument: $type),*) $(-> $result)?;)*
        }
        $($(#[$meta])* const _: unsafe fn($($type),*) $(-> $result)? = pg_sys::$name;)*
    };
}
pub(crate) use server;
