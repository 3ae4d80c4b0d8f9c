//! The Lambda function of StepChat's `csv-users`.

fn main() {
    shared_files::run::<stepchat_csv_users::CsvUsers>();
}
