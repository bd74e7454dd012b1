//! Job control, with a real shell on a real terminal.

use super::{
    apart::{Apart, home_apart},
    terminal::Terminal,
};

const SHELL: [&str; 5] = ["bash", "--norc", "--noprofile", "--noediting", "-i"];

/// Says who it is, and what it is told.
const APP: &str = r#"
import os, signal, sys
def say(text): os.write(1, (text + "\n").encode())
signal.signal(signal.SIGINT, lambda *_: say("got INT"))
signal.signal(signal.SIGWINCH, lambda *_: say("size %d %d" % os.get_terminal_size()[::-1]))
group, parents = os.getpgid(0), os.getpgid(os.getppid())
say(f"app {os.getpid()} group {group} parents {parents} foreground {os.tcgetpgrp(0)} end")
for line in sys.stdin:
    if line == "quit\n": sys.exit(5)
    say("read " + line)
"#;

fn open(shell: &[&str]) -> (Apart, Terminal) {
    let home = home_apart();
    write(&home, "app.py", APP);
    let terminal = Terminal::open(&home, shell);
    (home, terminal)
}

fn write(home: &Apart, name: &str, text: &str) {
    use std::io::Write;
    let mut file = std::fs::File::create(home.dir().join(name)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn the_app_has_a_group_of_its_own_and_the_terminal() {
    let (_home, mut terminal) = open(&SHELL);
    terminal.wait_for("READY> ");
    terminal.type_in("portlease run -- python3 app.py; echo status $?\n");
    terminal.wait_for("\napp ");
    let said = terminal.wait_for(" end");
    let words: Vec<&str> = said.split_whitespace().collect();
    let [pid, _, group, _, parents, _, foreground] = words[..] else { panic!("{words:?}") };
    assert_eq!((group, foreground), (pid, pid), "{said}");
    assert_ne!(parents, pid, "{said}");
    // What is typed goes to it, and so do Ctrl-C and the size of the window.
    terminal.type_in("hello\n");
    terminal.wait_for("read hello");
    terminal.type_in("\x03");
    terminal.wait_for("got INT");
    terminal.resize(33, 77);
    terminal.wait_for("size 33 77");
    terminal.type_in("quit\n");
    terminal.wait_for("status 5");
}

#[test]
fn ctrl_z_and_fg() {
    let (_home, mut terminal) = open(&SHELL);
    terminal.wait_for("READY> ");
    terminal.type_in("portlease run -- python3 app.py; echo status $?\n");
    terminal.wait_for(" end");
    for _again in 0..3 {
        terminal.type_in("\x1a");
        terminal.wait_for("Stopped");
        terminal.wait_for("READY> ");
        terminal.type_in("fg\n");
        terminal.wait_for("portlease run");
        terminal.type_in("back\n");
        terminal.wait_for("read back");
    }
    terminal.type_in("quit\n");
    terminal.wait_for("READY> ");
}

#[test]
fn in_the_background_it_stops_when_it_reads() {
    let (_home, mut terminal) = open(&SHELL);
    terminal.wait_for("READY> ");
    terminal.type_in("portlease run -- python3 app.py &\n");
    terminal.wait_for(" end");
    terminal.type_in("\n");
    terminal.type_in("sleep 0.01; jobs\n");
    terminal.wait_for("Stopped");
    terminal.type_in("fg\n");
    terminal.type_in("here\n");
    terminal.wait_for("read here");
    terminal.type_in("quit\n");
    terminal.wait_for("READY> ");
}

#[test]
fn ctrl_c_ends_it_with_130() {
    let (_home, mut terminal) = open(&SHELL);
    terminal.wait_for("READY> ");
    terminal.type_in("portlease run -- sh -c 'echo up; exec sleep 1000'; echo status $?\n");
    terminal.wait_for("\nup");
    terminal.type_in("\x03");
    terminal.wait_for("status 130");
    // The shell has its terminal again.
    terminal.type_in("echo we$((1 + 1))ll\n");
    terminal.wait_for("we2ll");
}

#[test]
fn in_a_script_it_shares_the_terminal() {
    let (home, mut terminal) = open(&SHELL);
    write(&home, "dev.sh", "portlease run -- python3 app.py\necho script goes on with $?\n");
    terminal.wait_for("READY> ");
    terminal.type_in("sh dev.sh; echo status $?\n");
    terminal.wait_for(" end");
    terminal.type_in("hello\n");
    terminal.wait_for("read hello");
    terminal.type_in("\x03");
    terminal.wait_for("got INT");
    // Told once, by the terminal: not again by us.
    terminal.type_in("quit\n");
    let shown = terminal.wait_for("READY> ");
    assert!(!shown.contains("got INT"), "{shown}");
}

#[test]
fn ctrl_c_ends_a_script_as_well() {
    let (home, mut terminal) = open(&SHELL);
    write(&home, "dev.sh", "portlease run -- sh -c 'echo up; exec sleep 1000'\necho script goes on\n");
    terminal.wait_for("READY> ");
    terminal.type_in("bash dev.sh; echo status $?\n");
    terminal.wait_for("\nup");
    terminal.type_in("\x03");
    let shown = terminal.wait_for("READY> ");
    assert!(!shown.contains("goes on"), "{shown}");
}
