//! All printing of this program.

/// What was found.
#[expect(clippy::print_stdout, reason = "the one place that prints")]
pub(crate) fn value(text: &str) {
    println!("{text}");
}

/// What is being done.
#[expect(clippy::print_stderr, reason = "the one place that prints")]
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}
