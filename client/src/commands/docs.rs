//! `portlease docs`

use crate::{args::DocsArgs, output, reference};

/// Needs neither a daemon nor a home: what is printed is part of the program.
pub(crate) fn docs(args: &DocsArgs) {
    let document = portleased::http::document();
    if args.config {
        output::text(&portleased::config::markdown());
    } else if args.openapi {
        output::text(document);
    } else {
        output::text(&reference::markdown(document));
    }
}
