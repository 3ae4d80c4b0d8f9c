//! Every limit in one place, with its unit and its reason.

/// Bytes of a request body, after base64 decoding. A larger one is refused unread.
pub const MAX_BODY_BYTES: usize = 256 * 1024;
/// Fields in one request, counted over query and body. PHP's own limit (`max_input_vars`) is 1,000.
pub const MAX_FIELDS: usize = 2_000;
/// Values in one JSON text, counting members and elements at every level. No method reads a list of more than a
/// thousand, and reading each value takes time before the caller is known.
pub const MAX_VALUES: usize = 20_000;
/// Levels of nesting in one field (`a[b][c]`, or JSON within JSON).
pub const MAX_DEPTH: usize = 8;
/// Characters of an idempotency key.
pub const MAX_IDEMPOTENCY_KEY_CHARS: usize = 255;
/// How long the first answer to an idempotency key is kept (decision E8).
pub const IDEMPOTENCY_MILLIS: i64 = 48 * 60 * 60 * 1000;

/// How far two clocks may differ, in milliseconds: a moment further in the future was written by a wrong clock.
/// Functions' clocks are off by some seconds at most; a minute allows for two clocks that are each off by thirty
/// seconds.
pub const CLOCKS_APART_MILLIS: i64 = 60 * 1000;
/// After how many milliseconds an index is sure to show a write: it lags by seconds, and the clocks of writer and
/// reader may differ.
pub const INDEX_SETTLED_MILLIS: i64 = 2 * 60 * 1000;

/// Attempts at one read-decide-write before giving up as throttled.
pub const MAX_ATTEMPTS: u32 = 8;
/// Actions in one DynamoDB transaction.
pub const MAX_TRANSACTION_ACTIONS: usize = 100;
/// Keys in one `BatchGetItem`.
pub const MAX_BATCH_GET: usize = 100;
/// Keys in one `BatchWriteItem`.
pub const MAX_BATCH_WRITE: usize = 25;
/// Database requests that one method has in flight at once.
pub const MAX_PARALLEL: usize = 16;

/// Extras that one StepChat call may write: they share one transaction with the profile and its guards.
pub const MAX_DETAILS_PER_CALL: usize = 80;
/// Extras of one StepChat user (decision E9).
pub const MAX_DETAILS: usize = 200;
/// Bytes of all extras of one StepChat user, including slugs and display names. Even the largest possible user fits
/// into every answer that shows it, also with every character escaped in JSON's longest form (decision E9).
pub const MAX_DETAILS_BYTES: usize = 256 * 1024;
/// Bytes of one extra's value. The original's column is MySQL TEXT (64 KiB).
pub const MAX_DETAIL_VALUE_BYTES: usize = 65_535;
/// Bytes of a StepChat message's text, of its attachments and of its payload, each. The original's columns are MySQL
/// TEXT.
pub const MAX_MESSAGE_BYTES: usize = 65_535;
/// Users that one `delete-users` may name (decision D36).
pub const MAX_DELETED_USERS: usize = 1_000;
/// Seconds between two writes of one user's last activity.
pub const ACTIVITY_SECONDS: i64 = 5;
/// Seconds between two moves in the list by last activity of one user who is not staff. A move takes two index writes,
/// so 50,000 constantly active users take 833 write units a second of their type's partition, which has 1,000.
pub const ACTIVITY_STEP_SECONDS: i64 = 120;
/// How often the use of an API token or key is written down, in milliseconds: every five minutes.
pub const USE_NOTED_MILLIS: i64 = 5 * 60 * 1000;
/// Longest that an answer waits until that use is written, in milliseconds.
pub const MAX_NOTE_MILLIS: u64 = 500;
/// Tokens that one login may present: the caller's, the user's, and what clients send by mistake.
pub const MAX_LOGIN_TOKENS: usize = 8;
/// Bytes of a StepChat password: a longer one takes longer to hash.
pub const MAX_PASSWORD_BYTES: usize = 1024;
/// Search entries that a search reads for one word, about 3 MB. For a word with more entries it costs no more to read
/// all users until a page is full (`docs/adr/0013`).
pub const SEARCH_ENTRIES: usize = 50_000;
/// Different words of one search; further words are ignored.
pub const MAX_COMPARED_WORDS: usize = 50;
/// Search entries that one call may write (decision E9): about eighty batches.
pub const MAX_SEARCH_ENTRIES: usize = 2_000;
/// Users found by a search that are read and sorted together; for more, the order comes from an index.
pub const SEARCH_TOGETHER: usize = 500;
/// Words of a search that are looked up in search entries. With more words, a StepChat search reads all users; a
/// Voximplant filter looks up only the first ones.
pub const MAX_SEARCH_WORDS: usize = 16;
/// How long write intents and unneeded search entries are kept, in milliseconds: longer than any request runs that
/// began before.
pub const SEARCH_SETTLED_MILLIS: i64 = 2 * 60 * 1000;
/// Records that one Voximplant list answer may hold (decision D14).
pub const MAX_COUNT: usize = 10_000;
/// Values that one list parameter of a Voximplant command may hold.
pub const MAX_LISTED: usize = 1_000;
/// Users that one Voximplant bind command may change: some 400 transactions, well inside the time an answer may take.
pub const MAX_BOUND_USERS: usize = 10_000;
/// Users that a Voximplant delete removes before it answers; the rest is left to `background/jobs`.
pub const MAX_REMOVED_INLINE: usize = 2_000;
/// Users whose balances one transaction can change: each takes two actions (balance, statement line), and the
/// operation, its answer, the account and the journal take four of the hundred.
pub const MAX_TRANSFER_USERS: usize = 48;
/// Transfers of one account in one second: each writes the item of the account's balance, which takes no more
/// transactions.
pub const MAX_TRANSFERS_PER_SECOND: u32 = 50;
/// Bytes of one answer's records; the rest is continued by cursor. A Lambda answer ends at 6 MB.
pub const MAX_ANSWER_BYTES: usize = 5 * 1024 * 1024;
