//! The Lambda function of StepChat's `count-users`.

fn main() {
    shared::run::<stepchat_count_users::CountUsers>();
}
