//! Services that were set down before the controller was tuned, and kept aside until it was done.

use super::{
    run::Run,
    server::{Kind, Service},
};

/// Name and run of each.
pub(super) fn held_out() -> [(&'static str, Run); 6] {
    let run = |ceiling: f64, concurrency: usize, seconds: f64, service: Service| Run {
        ceiling,
        concurrency,
        seconds,
        service,
    };
    [
        (
            "cells with a burst of 4, 120/s, 90/s, 200/s",
            run(
                1_000.0,
                64,
                90.0,
                Service {
                    latency: (0.005, 0.002),
                    ..Service::new(
                        Kind::Bucket(4.0),
                        &[(0.0, 120.0), (30.0, 90.0), (60.0, 200.0)],
                    )
                },
            ),
        ),
        (
            "sliding, refused calls count, 30/s, 90/s, far away",
            run(
                300.0,
                64,
                80.0,
                Service {
                    refused_count: true,
                    latency: (0.2, 0.04),
                    ..Service::new(Kind::Sliding(1.0), &[(0.0, 30.0), (40.0, 90.0)])
                },
            ),
        ),
        (
            "600 in fixed windows of ten seconds, Retry-After",
            run(
                200.0,
                32,
                120.0,
                Service {
                    retry_after: true,
                    ..Service::new(Kind::Fixed(10.0), &[(0.0, 60.0)])
                },
            ),
        ),
        (
            "a bucket of 200, 700/s, 350/s, 700/s, stray refusals",
            run(
                5_000.0,
                128,
                90.0,
                Service {
                    stray: 0.005,
                    latency: (0.03, 0.02),
                    ..Service::new(
                        Kind::Bucket(200.0),
                        &[(0.0, 700.0), (30.0, 350.0), (60.0, 700.0)],
                    )
                },
            ),
        ),
        (
            "sliding, 15/s below a ceiling of 20/s, stray refusals, Retry-After",
            run(
                20.0,
                32,
                120.0,
                Service {
                    stray: 0.02,
                    retry_after: true,
                    latency: (0.08, 0.02),
                    ..Service::new(Kind::Sliding(1.0), &[(0.0, 15.0)])
                },
            ),
        ),
        (
            "no limit, then fixed windows of 1,000/s, then none, stray refusals",
            run(
                3_000.0,
                128,
                90.0,
                Service {
                    stray: 0.01,
                    latency: (0.005, 0.005),
                    ..Service::new(
                        Kind::Fixed(1.0),
                        &[(0.0, f64::INFINITY), (30.0, 1_000.0), (60.0, f64::INFINITY)],
                    )
                },
            ),
        ),
    ]
}
