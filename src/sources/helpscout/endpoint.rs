//! The calls this exporter makes, and no other.

use std::fmt;

/// One of the few addresses that are asked. A bounded set: it is the label `endpoint`.
///
/// `/v2/reports/conversations` is not among them, and must not be: it is full of customers' names,
/// and its total counts old tickets again whenever someone tags them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// OAuth2 token.
    Token,
    /// Counts and mean times of a range.
    Productivity,
    /// Tickets created, as a series.
    ConversationsNew,
    /// Messages received, as a series.
    ReceivedMessages,
    /// Ratings.
    Happiness,
    /// The list of tickets, of which only the total is read.
    Conversations,
    /// Mailboxes (inboxes).
    Mailboxes,
    /// Tags.
    Tags,
    /// Visits of the help centre.
    Docs,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Token,
        Self::Productivity,
        Self::ConversationsNew,
        Self::ReceivedMessages,
        Self::Happiness,
        Self::Conversations,
        Self::Mailboxes,
        Self::Tags,
        Self::Docs,
    ];

    /// The label value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Productivity => "productivity",
            Self::ConversationsNew => "conversations_new",
            Self::ReceivedMessages => "received_messages",
            Self::Happiness => "happiness",
            Self::Conversations => "conversations",
            Self::Mailboxes => "mailboxes",
            Self::Tags => "tags",
            Self::Docs => "docs",
        }
    }

    /// The path under the base address.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Token => "/v2/oauth2/token",
            Self::Productivity => "/v2/reports/productivity",
            Self::ConversationsNew => "/v2/reports/conversations/new",
            Self::ReceivedMessages => "/v2/reports/conversations/received-messages",
            Self::Happiness => "/v2/reports/happiness",
            Self::Conversations => "/v2/conversations",
            Self::Mailboxes => "/v2/mailboxes",
            Self::Tags => "/v2/tags",
            Self::Docs => "/v2/reports/docs",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.path())
    }
}
