//! The Lambda function that a schedule runs every minute.

fn main() {
    shared::run_job(&background_jobs::JOB);
}
