//! The Lambda function of Voximplant's `BindSkill`.

fn main() {
    shared::run::<voximplant_bind_skill::BindSkill>();
}
