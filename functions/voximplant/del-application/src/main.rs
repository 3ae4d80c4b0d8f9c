//! The Lambda function of Voximplant's `DelApplication`.

fn main() {
    shared::run::<voximplant_del_application::DelApplication>();
}
