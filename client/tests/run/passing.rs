//! What goes in and what comes out: the environment, arguments, signals and
//! the status.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};

use super::{apart::home_apart, support::Ran};

#[test]
fn the_status_is_that_of_the_command() {
    let home = home_apart();
    for (script, status) in [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)] {
        let ran = home.run(&["run", "--project", "app", "--", "sh", "-c", script]);
        assert_eq!((ran.code, ran.stderr.as_str()), (status, ""), "{script}");
    }
    let ran = home.run(&["run", "--project", "app", "--", "no-such-program"]);
    assert_eq!(ran.code, 127, "{ran:?}");
    assert!(ran.stderr.contains("error: no-such-program cannot be run: No such file"), "{ran:?}");
    let ran = home.run(&["run", "--project", "app", "--", "/etc/passwd"]);
    assert_eq!(ran.code, 126, "{ran:?}");
    let ran = home.run(&["run", "--project", "app"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn without_a_project_it_says_how_to_name_one() {
    let ran = home_apart().run(&["run", "--", "true"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("hint: portlease run --project NAME, or write one"), "{ran:?}");
}

#[test]
fn signals_reach_all_of_it() {
    let home = home_apart();
    for (signal, status) in [(Signal::TERM, 41), (Signal::INT, 42), (Signal::HUP, 43), (Signal::USR1, 44)] {
        // The shell waits for a child that ends by the same signal. (What a
        // script starts in the background would ignore SIGINT.)
        let script = "trap 'exit 41' TERM; trap 'exit 42' INT; trap 'exit 43' HUP; trap 'exit 44' USR1
                      (echo up; exec sleep 1000); :";
        let mut command = home.command(&["run", "--project", "app", "--", "bash", "-c", script]);
        let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "up");
        kill_process(Pid::from_child(&run), signal).unwrap();
        let ran = Ran::from(run.wait_with_output().unwrap());
        assert_eq!(ran.code, status, "{signal:?} {ran:?}");
    }
}

#[test]
fn ignored_signals_stay_ignored() {
    let home = home_apart();
    let program = env!("CARGO_BIN_EXE_portlease");
    let script = format!(
        "trap '' HUP; exec {program} run --project app -- sh -c 'kill -HUP $$; kill -HUP $PPID; echo lives'"
    );
    let mut command = home.command(&[]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.current_dir(command.current_dir("/").get_current_dir().unwrap()).output().unwrap();
    let ran = Ran::from(output);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "lives\n"), "{ran:?}");
}
