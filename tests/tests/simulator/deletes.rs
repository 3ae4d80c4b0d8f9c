//! Deletes mean what they say: nobody goes whom no call has named or described at its moment, and whoever was described
//! then and still is, is gone.

use super::history::{Of, Stint};
use super::story::{Deployment, Told};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// A message of a process that has died may still be performed for this long.
const IN_THE_AIR: Duration = Duration::from_secs(15);

/// Whom a call deletes.
enum Whom {
    Named(Of, Vec<u64>),
    Leads,
    /// Everybody in an application.
    Application(String),
}

fn whom(call: &Told) -> Option<Whom> {
    let numbers = |value: &Value| -> Vec<u64> {
        let texts: Vec<String> = match value {
            Value::Array(list) => list.iter().map(ToString::to_string).collect(),
            other => {
                other.as_str().map_or_else(|| other.to_string(), str::to_owned).split(';').map(str::to_owned).collect()
            }
        };
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    };
    let application = || Whom::Application(call.fields["application_id"].to_string());
    Some(match call.method {
        "delete-user" => Whom::Named(Of::Stepchat, numbers(&call.fields["user_id"])),
        "delete-users" => Whom::Named(Of::Stepchat, numbers(&call.fields["user_ids"])),
        "delete-leads" => Whom::Leads,
        "DelApplication" => application(),
        "DelUser" if call.fields["user_id"] == "all" => application(),
        "DelUser" => Whom::Named(Of::Voximplant, numbers(&call.fields["user_id"])),
        _ => return None,
    })
}

impl Told {
    /// When it was made first: who repeats a call with its key asks for the answer to that one, and for nothing new.
    fn begun(&self, calls: &[Self]) -> Instant {
        let same = calls.iter().filter(|call| self.key.is_some() && call.key == self.key);
        same.map(|call| call.start).chain([self.start]).min().unwrap_or(self.start)
    }

    /// The last moment that may have been the call's.
    fn latest(&self) -> Instant {
        if self.answer.is_some() { self.end } else { self.end + IN_THE_AIR }
    }

    fn done(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer["success"] == true || answer["result"] == 1)
    }
}

/// Since when this call has meant whoever has this stint: who is named goes whatever became of them meanwhile.
fn meant_since(whom: &Whom, stint: &Stint) -> Instant {
    if matches!(whom, Whom::Named(..)) { stint.born } else { stint.from }
}

/// Whether a call asks that whoever has this stint goes, as of the last moment that may have been the call's.
fn asks(call: &Told, whom: &Whom, stint: &Stint) -> bool {
    let was_there = meant_since(whom, stint) <= call.latest();
    match whom {
        // An id that is given later is nobody's yet.
        Whom::Named(of, users) => *of == stint.of && users.contains(&stint.user) && was_there,
        Whom::Leads => stint.of == Of::Stepchat && stint.kind == "lead" && was_there,
        // Nobody comes into an application that is gone.
        Whom::Application(application) if call.method == "DelApplication" => {
            stint.of == Of::Voximplant && stint.kind == *application
        }
        Whom::Application(application) => stint.of == Of::Voximplant && stint.kind == *application && was_there,
    }
}

/// Holds every delete against the calls. Clocks that are apart change nothing: moments are those of the order of writes.
pub(crate) fn check(sim: &Deployment, calls: &[Told]) -> Result<(), String> {
    let asked: Vec<(&Told, Whom)> = calls.iter().filter_map(|call| Some((call, whom(call)?))).collect();
    let begun = sim.begun;
    let when = |moment: Instant| moment.saturating_duration_since(begun);
    for stint in sim.network.history.lock().unwrap().stints() {
        let told = format!("{:?} user {}, {} since {:?}", stint.of, stint.user, stint.kind, when(stint.from));
        if let Some((at, true)) = stint.to
            && !asked.iter().any(|(call, whom)| call.start <= at && asks(call, whom, &stint))
        {
            return Err(format!("{told}, was deleted at {:?}, and no call asked for it", when(at)));
        }
        if stint.to.is_some() {
            continue;
        }
        let survived = asked.iter().find(|(call, whom)| {
            let since = meant_since(whom, &stint);
            let came_before = since < call.begun(calls) || since == begun;
            call.done() && came_before && asks(call, whom, &stint)
        });
        if let Some((call, _)) = survived {
            return Err(format!("{told}, is still there after {} at {:?}", call.method, when(call.start)));
        }
    }
    Ok(())
}
