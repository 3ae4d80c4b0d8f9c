//! The Lambda function of StepChat's `logout`.

fn main() {
    shared::run::<stepchat_logout::Logout>();
}
