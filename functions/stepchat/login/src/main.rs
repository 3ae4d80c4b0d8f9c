//! The Lambda function of StepChat's `login`.

fn main() {
    shared::run::<stepchat_login::Login>();
}
