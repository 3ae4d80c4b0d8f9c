//! The Lambda function behind the voximplant family's single URL.

fn main() {
    shared::run_front_door::<voximplant_front_door::Family>(&voximplant_front_door::HANDLERS);
}
