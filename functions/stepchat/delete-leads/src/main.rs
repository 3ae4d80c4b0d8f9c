//! The Lambda function of StepChat's `delete-leads`.

fn main() {
    shared::run::<stepchat_delete_leads::DeleteLeads>();
}
