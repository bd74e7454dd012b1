//! A clock that jumps and a machine that sleeps, again and again: a term counts
//! the time that the machine was awake, and nothing else.
//!
//! `CLOCK_JUMPS` and `MODEL_SEED` do more of it, or the same again.

use std::time::Duration;

use super::*;

const TERM: u64 = 60;
const TEN_YEARS: u64 = 10 * 365 * 86_400;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn no_jump_and_no_sleep_ends_a_term_or_keeps_it() {
    let seed = number("MODEL_SEED", 0x9e37_79b9_7f4a_7c15);
    let doubles = Doubles::default();
    let mut manager = doubles.manager();
    let request = GetRequest { ttl_s: portlease_proto::Ttl::from_seconds(TERM).ok(), ..any() };
    let (lasting, middle) = (manager.lease("app/web", &any()), doubles.clock.now_wall());
    let (mut term, mut left, mut random) = (manager.lease("app/term", &request), TERM, seed | 1);
    for jump in 0..number("CLOCK_JUMPS", 200) {
        // xorshift64
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let away = Duration::from_secs(random % TEN_YEARS);
        match random >> 32 & 7 {
            0 | 1 => doubles.clock.set(middle + away),
            2 | 3 => doubles.clock.set(middle - away),
            4 | 5 => doubles.clock.suspend(Duration::from_secs(8 * 3600)),
            6 => manager = doubles.manager(),
            _ => {
                let seconds = 1 + random % 25;
                doubles.clock.advance(Duration::from_secs(seconds));
                left = left.saturating_sub(seconds);
            }
        }
        let why = format!("jump {jump}: repeat with MODEL_SEED={seed}");
        let next = manager.expire().unwrap();
        assert_eq!(next, (left > 0).then_some(Duration::from_secs(left)), "{why}");
        assert_eq!(manager.show(&key("app/web")).unwrap().id, lasting.id, "{why}");
        let there = manager.show(&key("app/term")).ok();
        assert_eq!(there.as_ref().map(|lease| &lease.id), (left > 0).then_some(&term.id), "{why}");
        // What is shown of it is where it ends on the clock that is on the wall now.
        let shown =
            there.and_then(|lease| lease.expires_at).map(|end| humantime::parse_rfc3339(&end).unwrap());
        let ends = (left > 0).then(|| doubles.clock.now_wall() + Duration::from_secs(left));
        assert_eq!(shown, ends, "{why}");
        if left == 0 {
            (term, left) = (manager.lease("app/term", &request), TERM);
        }
    }
}
