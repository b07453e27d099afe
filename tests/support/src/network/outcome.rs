//! How a run of the command ends.

use crate::command::Ran;

/// Success, with these results.
#[track_caller]
pub fn prints(ran: &Ran, stdout: impl AsRef<[u8]>) {
    assert!(ran.status == Some(0) && ran.stdout == stdout.as_ref(), "{ran:?}");
}

/// Failure, without a result; and the line that says so is the only one of its kind. Returned: the lines that
/// follow, which mend it.
#[track_caller]
pub fn fails<'a>(ran: &'a Ran, line: &str) -> Vec<&'a str> {
    let failures: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("undersock: ")).collect();
    assert!(ran.status == Some(1) && ran.stdout.is_empty() && failures == [line], "{ran:?}");
    ran.stderr.lines().skip_while(|said| *said != line).skip(1).collect()
}
