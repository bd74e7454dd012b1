//! A test alone in its process: what others use meanwhile would come back.
#![cfg(target_os = "linux")]

use std::fs;

use portleased::memory::give_back_code;

#[test]
fn code_that_is_not_used_leaves_memory_and_comes_back() {
    let program = fs::read("/proc/self/exe").unwrap();
    let before = of_files();
    let given = give_back_code().unwrap();
    let after = of_files();
    // Around what runs the kernel maps some again at once.
    assert!(given > 0 && after + given / 4 < before, "{before} bytes, {after} after {given} were given");
    // What runs from here on, and what it compares with, has come back.
    assert_eq!(program, fs::read("/proc/self/exe").unwrap());
    assert!(give_back_code().unwrap() < given);
}

/// Bytes in memory that are in files.
#[expect(clippy::unwrap_used, reason = "a test's own helper")]
fn of_files() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssFile:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
