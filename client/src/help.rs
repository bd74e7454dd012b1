//! What `portlease help` knows: commands, and the short topics of the guide,
//! which are files under `docs/topics`.

use clap::{Command, CommandFactory};

use crate::args::Args;

/// A short text about something that no single command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    /// The text, with its title as the first line.
    text: &'static str,
}

/// In the order in which they are listed. `topics` is a link to `docs/topics`,
/// so that they are part of this package wherever it is built.
const TOPICS: [Topic; 7] = [
    Topic { name: "run", text: include_str!("../topics/run.md") },
    Topic { name: "worktrees", text: include_str!("../topics/worktrees.md") },
    Topic { name: "tests", text: include_str!("../topics/tests.md") },
    Topic { name: "agents", text: include_str!("../topics/agents.md") },
    Topic { name: "docker", text: include_str!("../topics/docker.md") },
    Topic { name: "service", text: include_str!("../topics/service.md") },
    Topic { name: "limits", text: include_str!("../topics/limits.md") },
];

impl Topic {
    /// As a terminal shows it: the files are Markdown that reads well as it is,
    /// but for the mark of the title.
    pub(crate) fn shown(&self) -> &'static str {
        self.text.strip_prefix("# ").unwrap_or(self.text)
    }

    /// What it is about, in a few words.
    fn about(&self) -> &'static str {
        let title = self.shown().lines().next().unwrap_or_default();
        title.split_once(": ").map_or(title, |(_, about)| about)
    }
}

/// The topic of this name.
pub(crate) fn topic(name: &str) -> Option<Topic> {
    TOPICS.into_iter().find(|topic| topic.name == name)
}

/// Every topic in a line of its own.
pub(crate) fn list() -> String {
    let width = TOPICS.iter().map(|topic| topic.name.len()).max().unwrap_or_default();
    let line = |topic: Topic| format!("  {:width$}  {}\n", topic.name, topic.about());
    format!("\nTopics, with portlease help TOPIC:\n{}", TOPICS.map(line).concat())
}

/// The command that these words name, from the outermost to the innermost.
pub(crate) fn command<'a>(program: &'a Command, words: &[String]) -> Option<&'a Command> {
    let step = |command: &'a Command, word: &String| {
        command.find_subcommand(word).filter(|command| !command.is_hide_set())
    };
    words.iter().try_fold(program, step)
}

/// Whatever can be asked for, with what it is about.
pub(crate) fn names() -> Vec<(String, String)> {
    let program = Args::command();
    let commands = program.get_subcommands().filter(|command| !command.is_hide_set());
    let about = |command: &Command| command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut names: Vec<_> = commands.map(|command| (command.get_name().to_owned(), about(command))).collect();
    for topic in TOPICS {
        if !names.iter().any(|(name, _)| name == topic.name) {
            names.push((topic.name.to_owned(), topic.about().to_owned()));
        }
    }
    names
}

/// What was most likely meant.
pub(crate) fn nearest(word: &str) -> Option<String> {
    let names = names().into_iter().map(|(name, _)| name);
    names.min_by_key(|name| strsim::damerau_levenshtein(word, name))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn every_topic_is_readable_at_eighty_columns() {
        for topic in TOPICS {
            for line in topic.shown().lines() {
                assert!(line.chars().count() <= 78, "{}: {line}", topic.name);
                // Signs of Markdown that a person would see as they are.
                assert!(!line.contains('`') && !line.starts_with(['#', '|', '*']), "{}: {line}", topic.name);
            }
            assert!(topic.about() != topic.shown() && !topic.about().is_empty(), "{}", topic.name);
        }
        assert!(list().lines().all(|line| line.chars().count() <= 78), "{}", list());
    }

    #[test]
    fn every_file_of_a_topic_is_there_to_be_asked_for() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/topics");
        let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        let mut names = TOPICS.map(|topic| topic.name.to_owned());
        files.sort();
        names.sort();
        assert_eq!(files, names);
    }

    /// The commands in a line of an example: no shell is needed to find them.
    fn commands(line: &str) -> Vec<Vec<&str>> {
        let words: Vec<&str> =
            line.trim_start_matches(' ').split("  ").next().unwrap().split_whitespace().collect();
        let starts =
            words.iter().enumerate().filter(|(_, word)| word.trim_start_matches("PORT=$(") == "portlease");
        let of = |(start, _)| {
            let rest = &words[start..];
            let end =
                rest.iter().position(|word| ["&&", "||", "|", ">"].contains(word)).unwrap_or(rest.len());
            let words =
                rest[..end].iter().map(|word| word.trim_end_matches(')').trim_start_matches("PORT=$("));
            words.map(|word| word.replace("$$", "1")).collect::<Vec<_>>()
        };
        starts
            .map(of)
            .map(|words: Vec<String>| words.into_iter().map(|word| &*word.leak()).collect())
            .collect()
    }

    #[test]
    fn every_command_in_a_topic_is_one() {
        for topic in TOPICS {
            let examples = topic.shown().lines().filter(|line| line.starts_with("    "));
            let mut tried = 0;
            for line in examples.filter(|line| !line.trim_start().starts_with("Never ")) {
                for words in commands(line) {
                    tried += 1;
                    let parsed = Args::try_parse_from(&words);
                    assert!(parsed.is_ok(), "{}: {line}: {}", topic.name, parsed.unwrap_err());
                }
            }
            assert!(tried >= 2, "{}: {tried}", topic.name);
        }
    }

    #[test]
    fn the_nearest_name() {
        for (word, name) in
            [("worktree", "worktrees"), ("gte", "get"), ("limit", "limits"), ("dokcer", "docker")]
        {
            assert_eq!(nearest(word).unwrap(), name);
        }
    }
}
