//! Ports in the arguments of a command.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

use portlease_proto::{Port, ServiceName};

use super::{VariablesError, known, main_service};

/// `argument` with `{port}` and `{url}` replaced by those of the
/// [main service](main_service), and `{SERVICE}` by that service's port. All
/// other braces stay as they are: `{}`, `{"a":1}`; and so does what follows
/// `$` or `{`, which is the shell's or a template's: `${port}`, `{{port}}`.
/// Services that are called `port` or `url` are not meant by those words.
///
/// # Errors
/// [`VariablesError::NoMain`] and [`VariablesError::NoService`], when the main
/// service's port is asked for and there is none.
pub fn replace(
    argument: &OsStr,
    main: Option<&ServiceName>,
    ports: &BTreeMap<ServiceName, Port>,
) -> Result<OsString, VariablesError> {
    let mut replaced = Vec::with_capacity(argument.len());
    let mut rest = argument.as_bytes();
    while let Some(begin) = rest.iter().position(|byte| *byte == b'{') {
        let (before, from) = rest.split_at(begin);
        replaced.extend_from_slice(before);
        let word = word_of(from).filter(|_| !matches!(replaced.last(), Some(b'$' | b'{')));
        let text = word.map(|word| meaning(word, main, ports)).transpose()?.flatten();
        let taken = match (text, word) {
            (Some(text), Some(word)) => {
                replaced.extend_from_slice(text.as_bytes());
                word.len() + 2
            }
            _ => {
                replaced.push(b'{');
                1
            }
        };
        rest = &from[taken..];
    }
    replaced.extend_from_slice(rest);
    Ok(OsString::from_vec(replaced))
}

/// What stands between this brace and the next one that closes.
fn word_of(from: &[u8]) -> Option<&str> {
    let end = from.iter().position(|byte| *byte == b'}')?;
    std::str::from_utf8(&from[1..end]).ok()
}

/// What a word in braces stands for, or none if it is not one of ours.
fn meaning(
    word: &str,
    main: Option<&ServiceName>,
    ports: &BTreeMap<ServiceName, Port>,
) -> Result<Option<String>, VariablesError> {
    let of_main = |word: &'static str| {
        let none = || VariablesError::NoMain { word, known: known(ports) };
        let service = main_service(main, ports).ok_or_else(none)?;
        ports.get(service).ok_or_else(|| VariablesError::no_service(service, ports))
    };
    Ok(match word {
        "port" => Some(of_main("port")?.to_string()),
        "url" => Some(format!("http://localhost:{}", of_main("url")?)),
        _ => ports.iter().find(|(service, _)| service.as_str() == word).map(|(_, port)| port.to_string()),
    })
}
