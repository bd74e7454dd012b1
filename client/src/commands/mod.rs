//! The commands, a file each.

mod daemon;
mod docs;
mod doctor;
mod env;
mod get;
mod here;
mod list;
mod ports;
mod release;
mod renew;
mod run;
mod settled;
mod show;
mod status;
mod stop;
mod token;
mod watch;
mod who;
mod whole;
mod whose;

pub(crate) use daemon::daemon;
pub(crate) use docs::docs;
pub(crate) use doctor::doctor;
pub(crate) use env::{env, failing, failing_words};
pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use ports::ports;
pub(crate) use release::release;
pub(crate) use renew::renew;
pub(crate) use run::run;
pub(crate) use show::show;
pub(crate) use status::status;
pub(crate) use stop::stop;
pub(crate) use token::token;
pub(crate) use watch::watch;
pub(crate) use who::who;
