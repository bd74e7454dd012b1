//! What `/proc/PID/stat` tells of who a process is. Pure.

use super::{Outline, Program, lineage::Stat};

/// Where the first of the fields behind the name is in proc_pid_stat(5), which
/// counts from 1.
const FIRST: usize = 3;
/// When it started, in ticks since the machine did.
const STARTED: usize = 22;
/// Where its stack, its arguments and its environment begin, and the arguments
/// end. The kernel chooses anew at each exec, and tells whoever may look into
/// the process.
const PLACES: [usize; 4] = [28, 48, 49, 50];

impl Outline {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let Stat { name, parent, state, .. } = Stat::parse(text)?;
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let number = |field: usize| fields.get(field - FIRST)?.parse().ok();
        let mut places = [0; PLACES.len()];
        for (place, field) in places.iter_mut().zip(PLACES) {
            *place = number(field)?;
        }
        let program = Program { started: number(STARTED)?, places };
        Some(Self { program, name, parent, stopped: matches!(state, 'T' | 't') })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the kernel writes it, each field from the fourth on its own number.
    fn text(state: char, last: usize) -> String {
        let fields: Vec<String> = (4..=last).map(|field| field.to_string()).collect();
        format!("12 (a) b) {state} {}", fields.join(" "))
    }

    #[test]
    fn what_is_told_of_a_process() {
        let program = Program { started: 22, places: [28, 48, 49, 50] };
        let outline = Outline { program, name: "a) b".to_owned(), parent: 4, stopped: false };
        assert_eq!(Outline::parse(&text('S', 52)), Some(outline.clone()));
        assert_eq!(Outline::parse(&text('T', 52)), Some(Outline { stopped: true, ..outline }));
        assert_eq!(Outline::parse(&text('S', 49)), None, "a kernel that does not tell");
        assert_eq!(Outline::parse(""), None);
    }
}
