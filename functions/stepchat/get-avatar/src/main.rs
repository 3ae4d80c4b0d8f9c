//! The Lambda function of StepChat's `get-avatar`.

fn main() {
    shared_files::run::<stepchat_get_avatar::GetAvatar>();
}
