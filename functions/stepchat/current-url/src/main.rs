//! The Lambda function of StepChat's `current-url`.

fn main() {
    shared::run::<stepchat_current_url::CurrentUrl>();
}
