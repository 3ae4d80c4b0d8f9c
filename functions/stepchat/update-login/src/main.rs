//! The Lambda function of StepChat's `update-login`.

fn main() {
    shared::run::<stepchat_update_login::UpdateLogin>();
}
