//! Every command with its form: what `COMMAND` answers, and what a wrong number of arguments is told.

/// One command, or one subcommand of a command (its name then has two or three words).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name in capitals.
    pub name: &'static str,
    /// The least number of arguments after the name.
    pub min: usize,
    /// The largest number of arguments after the name.
    pub max: usize,
    /// How many arguments it takes, in words.
    pub takes: &'static str,
    /// The form of its arguments.
    pub form: &'static str,
    /// What it does, one line.
    pub summary: &'static str,
    /// True when it can change something.
    pub writes: bool,
}

/// No bound beyond that of the decoder.
const ANY: usize = crate::limits::ARGS_MAX;

/// Defines the entries as constants and lists them.
macro_rules! catalogue {
    ($($constant:ident: $name:literal $min:literal ..= $max:tt, $takes:literal, $form:literal, $kind:ident, $summary:literal;)*) => {
        $(
            #[doc = concat!("`", $name, " ", $form, "`: ", $summary, ".")]
            pub const $constant: Entry = Entry {
                name: $name, min: $min, max: $max, takes: $takes, form: $form, summary: $summary, writes: $kind,
            };
        )*
        /// All entries, commands and subcommands.
        pub const ALL: &[Entry] = &[$($constant),*];
    };
}

#[expect(non_upper_case_globals, reason = "reads as a word of the table below")]
const write: bool = true;
#[expect(non_upper_case_globals, reason = "reads as a word of the table below")]
const read: bool = false;

catalogue! {
    BID: "BID" 3..=5, "3 or 5 arguments", "<auction> <bidder> <amount> [ID <uuid>]", write, "Bids in an auction";
    BUYNOW: "BUYNOW" 2..=4, "2 or 4 arguments", "<auction> <bidder> [ID <uuid>]", write, "Takes an auction at its buy-now price";
    RETRACT: "RETRACT" 3..=3, "3 arguments", "<auction> <bid_id> <reason>", write, "Takes one bid back";
    REMOVE: "REMOVE" 3..=3, "3 arguments", "<auction> <bidder> <reason>", write, "Removes all bids of one bidder from an auction";
    BAN: "BAN" 1..=4, "1 to 4 arguments", "<bidder> [SELLER <seller>|AUCTION <auction>] [KEEP|REMOVE]", write, "Bans a bidder; REMOVE takes the standing bids away too";
    UNBAN: "UNBAN" 1..=3, "1 or 3 arguments", "<bidder> [SELLER <seller>|AUCTION <auction>]", write, "Lifts a ban of the same scope";
    SUBSCRIBE: "SUBSCRIBE" 1..=ANY, "at least 1 argument", "auction:<id> [auction:<id> ...]", read, "Sends one JSON message per durable change of the auctions";
    UNSUBSCRIBE: "UNSUBSCRIBE" 0..=ANY, "any number of arguments", "[auction:<id> ...]", read, "Ends subscriptions; all of them without an argument";
    AUCTION: "AUCTION" 1..=ANY, "a subcommand", "<OPEN|GET|EXTEND|END|CANCEL|EDIT|LOWER-RESERVE|PAID|UNPAID|OFFER> ...", write, "Opens, shows and changes auctions";
    AUCTION_OPEN: "AUCTION OPEN" 1..=3, "1 or 3 arguments", "<terms as JSON> [ID <uuid>]", write, "Opens an auction and answers its id";
    AUCTION_GET: "AUCTION GET" 1..=1, "1 argument", "<auction>", read, "Shows an auction's present state as JSON";
    AUCTION_EXTEND: "AUCTION EXTEND" 2..=2, "2 arguments", "<auction> <new end, RFC 3339>", write, "Moves an auction's end to a later time; absolute, so that a retry extends nothing twice";
    AUCTION_END: "AUCTION END" 1..=1, "1 argument", "<auction>", write, "Ends an auction now, by the same rules as at its end";
    AUCTION_CANCEL: "AUCTION CANCEL" 2..=2, "2 arguments", "<auction> <reason>", write, "Calls an auction off";
    AUCTION_EDIT: "AUCTION EDIT" 2..=2, "2 arguments", "<auction> <details as JSON>", write, "Replaces the details before the first bid, appends to them after it";
    AUCTION_LOWER_RESERVE: "AUCTION LOWER-RESERVE" 2..=2, "2 arguments", "<auction> <amount|NONE>", write, "Lowers the reserve price, or drops it";
    AUCTION_PAID: "AUCTION PAID" 1..=1, "1 argument", "<auction>", write, "The winner has paid";
    AUCTION_UNPAID: "AUCTION UNPAID" 1..=1, "1 argument", "<auction>", write, "The winner will not pay";
    AUCTION_OFFER: "AUCTION OFFER" 3..=3, "3 arguments", "<ACCEPT|DECLINE> <auction> <bidder>", write, "The runner-up takes the second chance, or doesn't";
    SHARDS: "SHARDS" 0..=5, "0 to 5 arguments", "[ADD|DRAIN|UNDRAIN|POLICY|PLACE ...]", write, "Lists the shards, or changes the placement of new auctions";
    SHARDS_ADD: "SHARDS ADD" 0..=1, "0 or 1 argument", "[<count>]", write, "Adds shards; nothing moves";
    SHARDS_DRAIN: "SHARDS DRAIN" 1..=1, "1 argument", "<shard>", write, "Places no new auctions on a shard any more";
    SHARDS_UNDRAIN: "SHARDS UNDRAIN" 1..=1, "1 argument", "<shard>", write, "Takes a drain back: places new auctions on the shard again";
    SHARDS_POLICY: "SHARDS POLICY" 1..=4, "1 to 4 arguments", "<KEY|SEQUENCE|DIRECTORY|RANGE <ranges as JSON>> [FROM <time, RFC 3339>]", write, "Sets the placement policy, now or from a time on";
    SHARDS_PLACE: "SHARDS PLACE" 2..=2, "2 arguments", "<key> <shard|->", write, "Makes or removes (-) an entry of the placement directory";
    FOLLOW: "FOLLOW" 2..=4, "2 or 4 arguments", "<shard> <position|START> [NAME <consumer>]", read, "Streams a shard's durable frames behind a position, which the follower has";
    ACK: "ACK" 1..=1, "1 argument", "<position>", write, "Moves the cursor of the consumer that this connection follows as; not answered";
    CONSUMERS: "CONSUMERS" 0..=2, "0 to 2 arguments", "[LIST|FORGET <consumer>]", write, "Lists the consumers that follow by name, or forgets one";
    CONSUMERS_LIST: "CONSUMERS LIST" 0..=0, "no arguments", "", read, "Lists the consumers that follow by name, with their cursors and lag";
    CONSUMERS_FORGET: "CONSUMERS FORGET" 1..=1, "1 argument", "<consumer>", write, "Forgets a consumer that is gone for good, so that the log keeps nothing for it";
    INFO: "INFO" 0..=1, "0 or 1 argument", "[section]", read, "Tells about the server";
    HELLO: "HELLO" 0..=3, "0 to 3 arguments", "[2|3 [SETNAME <name>]]", read, "Chooses the protocol and tells about the server";
    PING: "PING" 0..=1, "0 or 1 argument", "[message]", read, "Answers PONG, or the message";
    ECHO: "ECHO" 1..=1, "1 argument", "<message>", read, "Answers the message";
    QUIT: "QUIT" 0..=0, "no arguments", "", read, "Answers OK and closes the connection";
    SELECT: "SELECT" 1..=1, "1 argument", "0", read, "Accepts database 0, the only one";
    COMMAND: "COMMAND" 0..=ANY, "any number of arguments", "[COUNT|DOCS [name ...]|INFO [name ...]]", read, "Lists the commands";
    COMMAND_COUNT: "COMMAND COUNT" 0..=0, "no arguments", "", read, "Counts the commands";
    COMMAND_DOCS: "COMMAND DOCS" 0..=ANY, "any number of arguments", "[name ...]", read, "Explains commands";
    COMMAND_INFO: "COMMAND INFO" 0..=ANY, "any number of arguments", "[name ...]", read, "Tells the form of commands";
    CLIENT: "CLIENT" 1..=3, "a subcommand", "<ID|SETNAME <name>|GETNAME|SETINFO <LIB-NAME|LIB-VER> <text>>", read, "Names a connection and tells its number";
    CLIENT_ID: "CLIENT ID" 0..=0, "no arguments", "", read, "Tells the connection's number";
    CLIENT_SETNAME: "CLIENT SETNAME" 1..=1, "1 argument", "<name>", read, "Names the connection";
    CLIENT_GETNAME: "CLIENT GETNAME" 0..=0, "no arguments", "", read, "Tells the connection's name";
    CLIENT_SETINFO: "CLIENT SETINFO" 2..=2, "2 arguments", "<LIB-NAME|LIB-VER> <text>", read, "Takes note of the client's library";
}

impl Entry {
    /// Words in the name.
    #[must_use]
    pub fn words(&self) -> usize {
        1 + self.name.bytes().filter(|&byte| byte == b' ').count()
    }

    /// The arity as Redis counts it: the name included; negative when it is the least number.
    #[must_use]
    pub fn arity(&self) -> i64 {
        let least = i64::try_from(self.words() + self.min).unwrap_or(i64::MAX);
        if self.min == self.max { least } else { -least }
    }
}

/// The name and the form of the arguments.
impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)?;
        if self.form.is_empty() { Ok(()) } else { write!(f, " {}", self.form) }
    }
}

/// The commands without their subcommands.
pub fn commands() -> impl Iterator<Item = &'static Entry> + Clone {
    ALL.iter().filter(|entry| entry.words() == 1)
}

/// The command of that name, in either case.
#[must_use]
pub fn find(name: &[u8]) -> Option<&'static Entry> {
    commands().find(|entry| entry.name.as_bytes().eq_ignore_ascii_case(name))
}
