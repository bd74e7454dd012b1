//! A screen that is drawn anew in place, and given back as it was.

use std::{
    io::{self, IsTerminal, Write},
    ops::ControlFlow,
};

/// The terminal's second screen, for as long as this lives.
pub(crate) struct Screen(());

impl Screen {
    /// None where standard output is no terminal that can do this.
    pub(crate) fn open() -> Option<Self> {
        let dumb = std::env::var_os("TERM").is_none_or(|kind| kind == "dumb");
        if dumb || !io::stdout().is_terminal() {
            return None;
        }
        // The second screen, and no cursor: console_codes(4), and xterm's "ctlseqs".
        write_all("\x1b[?1049h\x1b[?25l").is_continue().then_some(Self(()))
    }

    /// Shows these lines, as far as they fit; whether anybody sees them.
    pub(crate) fn draw(&self, lines: &[String]) -> ControlFlow<()> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
        let (rows, columns) = size.map_or((24, 80), |size| (size.ws_row.max(1), size.ws_col.max(1)));
        write_all(&frame(lines, rows.into(), columns.into()))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _gone = write_all("\x1b[?25h\x1b[?1049l");
    }
}

/// What draws the lines over whatever is there, without a flicker.
fn frame(lines: &[String], rows: usize, columns: usize) -> String {
    let fits = if lines.len() > rows { rows.saturating_sub(1) } else { lines.len() };
    let mut shown: Vec<String> =
        lines.iter().take(fits).map(|line| line.chars().take(columns).collect()).collect();
    if fits < lines.len() {
        shown.push(format!("… {} more", lines.len() - fits).chars().take(columns).collect());
    }
    format!("\x1b[H{}\x1b[K\x1b[J", shown.join("\x1b[K\r\n"))
}

fn write_all(text: &str) -> ControlFlow<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_gone) => ControlFlow::Break(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fits_into_the_screen() {
        let lines: Vec<String> = ["PROJECT", "app", "shop"].map(str::to_owned).to_vec();
        assert_eq!(frame(&lines, 3, 80), "\x1b[HPROJECT\x1b[K\r\napp\x1b[K\r\nshop\x1b[K\x1b[J");
        assert_eq!(frame(&lines, 2, 4), "\x1b[HPROJ\x1b[K\r\n… 2 \x1b[K\x1b[J");
        assert_eq!(frame(&[], 2, 4), "\x1b[H\x1b[K\x1b[J");
    }
}
