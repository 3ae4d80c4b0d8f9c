//! The Lambda function of StepChat's `search-users`.

fn main() {
    shared::run::<stepchat_search_users::SearchUsers>();
}
