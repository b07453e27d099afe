//! Licence expressions, as SPDX writes them: `MIT OR (Apache-2.0 WITH LLVM-exception AND Unicode-3.0)`.

/// Whether these licences are enough to use something under this expression. An exception counts as a part of its
/// licence's name. The error says what is wrong with the expression.
pub(crate) fn satisfied(expression: &str, allowed: &[&str]) -> Result<bool, String> {
    // Before SPDX, crates wrote `MIT/Apache-2.0` for a choice.
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = Words { left: spaced.split_whitespace().collect(), allowed };
    words.left.reverse();
    let result = words.any_of()?;
    match words.left.last() {
        None => Ok(result),
        Some(word) => Err(format!("\"{word}\" is not expected")),
    }
}

/// What is left to read, last word first.
struct Words<'a> {
    left: Vec<&'a str>,
    allowed: &'a [&'a str],
}

impl Words<'_> {
    fn take(&mut self, word: &str) -> bool {
        self.left.pop_if(|next| *next == word).is_some()
    }

    fn any_of(&mut self) -> Result<bool, String> {
        let mut result = self.all_of()?;
        while self.take("OR") {
            result |= self.all_of()?;
        }
        Ok(result)
    }

    // AND binds closer than OR (SPDX 2.3, annex D.4.5).
    fn all_of(&mut self) -> Result<bool, String> {
        let mut result = self.licence()?;
        while self.take("AND") {
            result &= self.licence()?;
        }
        Ok(result)
    }

    fn licence(&mut self) -> Result<bool, String> {
        if self.take("(") {
            let result = self.any_of()?;
            return if self.take(")") { Ok(result) } else { Err("a parenthesis is not closed".into()) };
        }
        let mut name = self.name()?.to_owned();
        if self.take("WITH") {
            name = format!("{name} WITH {}", self.name()?);
        }
        Ok(self.allowed.contains(&name.as_str()))
    }

    fn name(&mut self) -> Result<&str, String> {
        match self.left.pop() {
            None => Err("it ends too early".into()),
            Some(word @ ("OR" | "AND" | "WITH" | "(" | ")")) => Err(format!("\"{word}\" is not a licence")),
            Some(name) => Ok(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(expression: &str) -> Result<bool, String> {
        satisfied(expression, &["MIT", "Apache-2.0", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"])
    }

    #[test]
    fn a_choice_takes_one_and_a_sum_takes_all() {
        assert_eq!(ok("MIT"), Ok(true));
        assert_eq!(ok("GPL-3.0-only"), Ok(false));
        assert_eq!(ok("GPL-3.0-only OR MIT"), Ok(true));
        assert_eq!(ok("GPL-3.0-only AND MIT"), Ok(false));
        assert_eq!(ok("MIT/Apache-2.0"), Ok(true));
        assert_eq!(ok("Unlicense / MIT"), Ok(true));
    }

    #[test]
    fn and_binds_closer_than_or_and_parentheses_closest() {
        assert_eq!(ok("MIT OR GPL-3.0-only AND X"), Ok(true));
        assert_eq!(ok("(MIT OR GPL-3.0-only) AND X"), Ok(false));
        assert_eq!(ok("(MIT OR Apache-2.0) AND Unicode-3.0"), Ok(true));
        assert_eq!(ok("((MIT))"), Ok(true));
    }

    #[test]
    fn an_exception_is_a_part_of_the_name() {
        assert_eq!(ok("Apache-2.0 WITH LLVM-exception"), Ok(true));
        assert_eq!(ok("MIT WITH LLVM-exception"), Ok(false));
        assert_eq!(ok("Apache-2.0 WITH LLVM-exception OR X"), Ok(true));
    }

    #[test]
    fn what_cannot_be_read_is_not_guessed() {
        for (expression, said) in [
            ("", "it ends too early"),
            ("MIT OR", "it ends too early"),
            ("(MIT", "a parenthesis is not closed"),
            ("MIT)", "\")\" is not expected"),
            ("MIT Apache-2.0", "\"Apache-2.0\" is not expected"),
            ("OR MIT", "\"OR\" is not a licence"),
        ] {
            assert_eq!(ok(expression), Err(said.into()), "{expression}");
        }
    }
}
