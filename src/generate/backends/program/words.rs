/// Splits a command into words as a shell would, of which there is none: blanks part words, quotes keep
/// them together, a backslash takes the next character as it is. Nothing is expanded.
///
/// # Errors
/// What is wrong with the line.
pub fn split_command(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('\'') => break,
                        Some(c) => word.push(c),
                        None => return Err("a ' is not closed"),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('"') => break,
                        Some('\\') => match characters.next() {
                            Some(c @ ('"' | '\\')) => word.push(c),
                            Some(c) => word.extend(['\\', c]),
                            None => return Err("a \" is not closed"),
                        },
                        Some(c) => word.push(c),
                        None => return Err("a \" is not closed"),
                    }
                }
            }
            '\\' => match characters.next() {
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err("it ends in a backslash"),
            },
            c if c.is_whitespace() => words.extend(word.take()),
            '|' | '&' | ';' | '<' | '>' if word.is_none() => {
                return Err("there is no shell: no pipes, no second command; write a script and name that");
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_a_shell_would_have_them() {
        for (line, words) in [
            ("python3 -u model.py", vec!["python3", "-u", "model.py"]),
            ("  'my model' \"a \\\"b\\\" \\n\" c\\ d '' ", vec!["my model", "a \"b\" \\n", "c d", ""]),
            ("a'b'\"c\" $HOME *", vec!["abc", "$HOME", "*"]),
            ("", vec![]),
        ] {
            assert_eq!(split_command(line), Ok(words.into_iter().map(str::to_owned).collect()), "{line}");
        }
        for line in ["a 'b", "a \"b", "a \\", "a | b", "a && b", "a > b"] {
            assert!(split_command(line).is_err(), "{line}");
        }
    }
}
