//! Questions at a terminal, one a line, the usual answer in brackets.

use std::io::{self, BufRead, IsTerminal, Write};

use pinhole::{Error, Result};

/// Whether somebody is there who could answer.
pub fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Where questions go and answers come from.
pub struct Dialogue<R, W> {
    answers: R,
    questions: W,
}

impl<R: BufRead, W: Write> Dialogue<R, W> {
    /// Between these two.
    pub fn new(answers: R, questions: W) -> Self {
        Self { answers, questions }
    }

    /// Asks until the answer can be read; an empty one is `usual`.
    ///
    /// # Errors
    /// [`Error::Request`] where answers end, [`Error::Io`] where there is no asking.
    pub fn ask<T>(
        &mut self,
        question: &str,
        usual: &str,
        mut read: impl FnMut(&str) -> std::result::Result<T, String>,
    ) -> Result<T> {
        let broken = |e| Error::io("the terminal", e);
        loop {
            write!(self.questions, "{question} [{usual}]: ").and_then(|()| self.questions.flush()).map_err(broken)?;
            let mut line = String::new();
            if self.answers.read_line(&mut line).map_err(broken)? == 0 {
                writeln!(self.questions).map_err(broken)?;
                return Err(Error::request(
                    "no answer; nothing is written. Flags answer as well: see pinhole init --help",
                ));
            }
            let answer = line.trim();
            match read(if answer.is_empty() { usual } else { answer }) {
                Ok(value) => return Ok(value),
                Err(what) => writeln!(self.questions, "  {what}").map_err(broken)?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_cannot_be_read_is_asked_for_again_and_an_empty_one_is_the_usual() {
        let number = |text: &str| text.parse::<u16>().map_err(|_| format!("'{text}' is no number"));
        let mut asked = Vec::new();
        let mut dialogue = Dialogue::new(&b"many\n12\n\n"[..], &mut asked);
        assert_eq!(dialogue.ask("How many?", "8", number).unwrap(), 12);
        assert_eq!(dialogue.ask("How many more?", "3", number).unwrap(), 3);
        assert!(dialogue.ask("And then?", "1", number).unwrap_err().to_string().contains("no answer"));
        let asked = String::from_utf8(asked).unwrap();
        assert_eq!(asked, "How many? [8]:   'many' is no number\nHow many? [8]: How many more? [3]: And then? [1]: \n");
    }
}
