//! Requests a second and CPU, at several concurrencies and latencies.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Extent,
    job::Yard,
    measure::{Took, median, run},
    peers::{Errand, PEERS, Peer},
    say,
};

/// Requests at once, latency in milliseconds, and requests where nothing but speed limits them.
const CELLS: [(usize, u64, u64); 6] = [
    (1, 0, 10_000),
    (8, 0, 40_000),
    (64, 0, 40_000),
    (1, 20, u64::MAX),
    (8, 20, u64::MAX),
    (64, 20, u64::MAX),
];

/// What a peer took for one request: seconds, and seconds of CPU.
#[derive(Debug, Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
}

pub(crate) fn measure(yard: &Yard, extent: Extent) -> Value {
    let (peers, missing): (Vec<_>, Vec<_>) = PEERS.iter().partition(|peer| (peer.at_hand)());
    for peer in &missing {
        say(&format!("{} is not installed: skipped", peer.name));
    }
    let cells = CELLS.map(|(concurrency, latency, most)| {
        say(&format!(
            "\n{concurrency} at once, latency {latency} ms: this program's time and CPU as multiples of each one's"
        ));
        let server = yard.server(Duration::from_millis(latency));
        // What latency allows in the time that a run is to take.
        let allowed = (extent.seconds * 1_000 * concurrency as u64).checked_div(latency);
        let requests = most.min(allowed.unwrap_or(u64::MAX));
        let errand = |peer: &Peer| Errand {
            yard,
            server: &server,
            requests: requests.min(peer.most),
            concurrency,
            seconds: extent.seconds,
        };
        let mut costs = vec![Vec::new(); peers.len()];
        for _ in 0..extent.rounds {
            for (costs, peer) in costs.iter_mut().zip(&peers) {
                costs.push(cost(peer, &errand(peer)));
            }
        }
        let rows: Vec<Value> = peers
            .iter()
            .zip(&costs)
            .map(|(peer, theirs)| row(peer, theirs, &costs[0]))
            .collect();
        json!({ "concurrency": concurrency, "latency_ms": latency, "clients": rows })
    });
    json!({
        "rounds": extent.rounds,
        "skipped": missing.iter().map(|peer| peer.name).collect::<Vec<_>>(),
        "cells": cells,
    })
}

fn cost(peer: &Peer, errand: &Errand<'_>) -> Cost {
    let words = (peer.words)(errand);
    errand.server.seen();
    let Took { wall, cpu, .. } = run(&words, &errand.yard.token(), &errand.yard.file("took"));
    let sent = errand.server.seen().requests;
    // One that is told a time sends what it can.
    let told_a_number = peer.name != "wrk";
    assert!(
        !told_a_number || sent == errand.requests,
        "{} sent {sent}",
        peer.name
    );
    Cost {
        wall: wall.as_secs_f64() / sent as f64,
        cpu: cpu / sent as f64,
    }
}

/// A line of the table: the medians, and those of the ratios of ours to theirs within a round.
fn row(peer: &Peer, theirs: &[Cost], ours: &[Cost]) -> Value {
    let of = |pick: fn(&Cost) -> f64| median(theirs.iter().map(pick).collect());
    let ratios = |pick: fn(&Cost) -> f64| -> Vec<f64> {
        let pairs = ours.iter().zip(theirs);
        pairs
            .map(|(ours, theirs)| pick(ours) / pick(theirs))
            .collect()
    };
    let (rate, cpu) = (1.0 / of(|cost| cost.wall), 1_000.0 * of(|cost| cost.cpu));
    let (times, cpus) = (ratios(|cost| cost.wall), ratios(|cost| cost.cpu));
    let (time, cpu_ratio) = (median(times.clone()), median(cpus));
    let (least, most) = times
        .iter()
        .fold((f64::MAX, f64::MIN), |(least, most), ratio| {
            (least.min(*ratio), most.max(*ratio))
        });
    say(&format!(
        "  {:<18} {rate:>9.0} requests/s {cpu:>8.3} CPU s/1,000   time {time:>6.3} ({least:.3} to {most:.3})   CPU {cpu_ratio:>6.3}",
        peer.name
    ));
    json!({
        "client": peer.name,
        "requests_per_s": rate,
        "cpu_s_per_1000": cpu,
        "time_ratio": time,
        "time_ratios": times,
        "cpu_ratio": cpu_ratio,
    })
}
