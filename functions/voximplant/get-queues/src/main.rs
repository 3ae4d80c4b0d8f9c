//! The Lambda function of Voximplant's `GetQueues`.

fn main() {
    shared::run::<voximplant_get_queues::GetQueues>();
}
