//! The Lambda function of StepChat's `is-online`.

fn main() {
    shared::run::<stepchat_is_online::IsOnline>();
}
