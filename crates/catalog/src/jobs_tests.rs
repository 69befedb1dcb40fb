use super::super::fixtures::{blob, new_catalog};
use super::*;

fn delete(number: u8) -> JobKind {
    JobKind::DeleteBlob(blob(number))
}

async fn lease(catalog: &Catalog, now_ms: i64) -> Option<Job> {
    catalog.lease_job(JobLine::Storage, now_ms, now_ms + 60).await.expect("works")
}

#[tokio::test]
async fn jobs_are_leased_when_due_in_the_order_of_their_time() {
    let (_folder, catalog) = new_catalog().await;
    for (number, due_ms) in [(1, 20), (2, 10), (3, 10)] {
        catalog.enqueue(delete(number), due_ms).await.expect("works");
    }
    assert!(lease(&catalog, 9).await.is_none());
    let order: Vec<_> = [lease(&catalog, 20).await, lease(&catalog, 20).await, lease(&catalog, 20).await]
        .into_iter()
        .map(|job| job.map(|job| job.kind))
        .collect();
    assert_eq!(order, [Some(delete(2)), Some(delete(3)), Some(delete(1))]);
    assert!(lease(&catalog, 20).await.is_none());
}

#[tokio::test]
async fn the_job_of_a_dead_runner_is_leased_again_after_its_lease() {
    let (_folder, catalog) = new_catalog().await;
    catalog.enqueue(delete(1), 0).await.expect("works");
    let first = lease(&catalog, 100).await.expect("is due");
    assert_eq!(first.attempts, 1);
    assert!(lease(&catalog, 159).await.is_none());
    let second = lease(&catalog, 160).await.expect("is due again");
    assert_eq!((second.id, second.kind, second.attempts), (first.id, first.kind, 2));
    catalog.finish_job(second.id).await.expect("works");
    catalog.finish_job(second.id).await.expect("a second time is fine");
    assert!(lease(&catalog, 10_000).await.is_none());
}

#[tokio::test]
async fn a_retried_job_waits_and_counts_on() {
    let (_folder, catalog) = new_catalog().await;
    catalog.enqueue(delete(1), 0).await.expect("works");
    let job = lease(&catalog, 0).await.expect("is due");
    catalog.retry_job(job.id, 500).await.expect("works");
    assert!(lease(&catalog, 499).await.is_none());
    assert_eq!(lease(&catalog, 500).await.map(|job| job.attempts), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_job_has_one_runner_at_a_time() {
    let (_folder, catalog) = new_catalog().await;
    for number in 0..10 {
        catalog.enqueue(delete(number), 0).await.expect("works");
    }
    let leases = futures_util::future::join_all((0..20).map(|_| lease(&catalog, 0))).await;
    let mut ids: Vec<_> = leases.into_iter().flatten().map(|job| job.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 10);
}
