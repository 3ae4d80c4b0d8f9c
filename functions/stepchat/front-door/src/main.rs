//! The Lambda function behind the stepchat family's single URL.

fn main() {
    shared_files::run_front_door::<stepchat_front_door::Family>(&stepchat_front_door::HANDLERS);
}
