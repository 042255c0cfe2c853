//! Texts of the config file that messages may quote, if they stood in the file itself.

use std::{
    fmt::{self, Write as _},
    hash::{Hash, Hasher},
    ops::Deref,
};

/// A text as configured. `Display` and `Debug` quote it, unless some of it came from the
/// environment: whoever puts a value there may count on not reading it in a log.
#[derive(Clone)]
pub struct ConfigText {
    text: String,
    from_environment: bool,
}

impl ConfigText {
    /// A text, and whether some of it came from the environment.
    pub fn new(text: impl Into<String>, from_environment: bool) -> Self {
        Self {
            text: text.into(),
            from_environment,
        }
    }

    /// The text, for its use; not for messages.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether some of it came from the environment.
    pub const fn from_environment(&self) -> bool {
        self.from_environment
    }
}

impl From<&str> for ConfigText {
    /// A text that may be shown.
    fn from(text: &str) -> Self {
        Self::new(text, false)
    }
}

impl Deref for ConfigText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl PartialEq for ConfigText {
    /// Whether the texts are the same, wherever they came from.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ConfigText {}

impl Hash for ConfigText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for ConfigText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from_environment {
            formatter.write_str("… (from the environment, not shown)")
        } else {
            // A line break or a terminal's control sequence would tell something else.
            formatter.write_str("`")?;
            for character in self.text.chars() {
                if character.is_control() {
                    write!(formatter, "{}", character.escape_default())?;
                } else {
                    formatter.write_char(character)?;
                }
            }
            formatter.write_str("`")
        }
    }
}

impl fmt::Debug for ConfigText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
