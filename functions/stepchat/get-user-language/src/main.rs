//! The Lambda function of StepChat's `get-user-language`.

fn main() {
    shared::run::<stepchat_get_user_language::GetUserLanguage>();
}
