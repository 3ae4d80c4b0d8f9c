//! The Lambda function of Voximplant's `AddSkill`.

fn main() {
    shared::run::<voximplant_add_skill::AddSkill>();
}
