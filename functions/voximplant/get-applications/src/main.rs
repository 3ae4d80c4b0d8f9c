//! The Lambda function of Voximplant's `GetApplications`.

fn main() {
    shared::run::<voximplant_get_applications::GetApplications>();
}
