//! The Lambda function of Voximplant's `GetSkills`.

fn main() {
    shared::run::<voximplant_get_skills::GetSkills>();
}
