//! Measures what an actor costs over a plain tokio channel: Antiphon's, and those of four
//! other crates; and what an event costs in our ring and in other queues. Repetitions of all
//! subjects are interleaved, so that noise hits all of them; a table of ratios to the plain
//! channel goes to the terminal, the medians to a JSON file.

#[allow(dead_code, unused_imports)]
#[path = "../../../src"]
mod engine {
    pub mod actor;
    pub mod rt {
        pub mod ring;
    }
}

mod actix;
mod antiphon;
mod heap;
mod job;
mod kameo;
mod queue;
mod ractor;
mod raw;
mod subject;
mod xtra;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use engine::actor;
use job::{Job, Outcome, Sizes, measure};
use subject::Subject;

#[global_allocator]
static HEAP: heap::Counting = heap::Counting;

/// Who has taken this long over a job does not repeat it again.
const LONG_ENOUGH: Duration = Duration::from_secs(20);

struct Contender {
    name: &'static str,
    measure: fn(Job, Sizes) -> Outcome,
}

const fn contender<S: Subject>() -> Contender {
    Contender { name: S::NAME, measure: measure::<S> }
}

const CONTENDERS: &[Contender] = &[
    contender::<raw::Raw>(),
    contender::<antiphon::Antiphon>(),
    contender::<kameo::Kameo>(),
    contender::<ractor::Ractor>(),
    contender::<actix::Actix>(),
    contender::<xtra::Xtra>(),
];

struct Arguments {
    sizes: Sizes,
    repetitions: usize,
    json: Option<String>,
    jobs: Vec<Job>,
    names: Vec<String>,
    /// Only the queues.
    queues: bool,
}

fn arguments() -> Result<Arguments, String> {
    let mut found = Arguments {
        sizes: Sizes::FULL,
        repetitions: 7,
        json: None,
        jobs: Vec::new(),
        names: Vec::new(),
        queues: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--quick" => (found.sizes, found.repetitions) = (Sizes::QUICK, 3),
            "--reps" => {
                let number: usize = value()?.parse().map_err(|error| format!("--reps: {error}"))?;
                found.repetitions = number.max(1);
            }
            "--json" => found.json = Some(value()?),
            "--job" => {
                let name = value()?;
                let job = Job::ALL.into_iter().find(|job| job.name() == name);
                found.jobs.push(job.ok_or(format!("no job is called {name}"))?);
            }
            "--queues" => found.queues = true,
            "--only" => found.names.push(value()?),
            _ => {
                return Err(format!(
                    "{word}? There are --quick, --reps N, --json FILE, --job NAME, --only NAME, --queues"
                ));
            }
        }
    }
    if found.jobs.is_empty() && !found.queues {
        found.jobs = Job::ALL.to_vec();
    }
    Ok(found)
}

fn median(mut outcomes: Vec<Outcome>) -> Outcome {
    if let Some(why) = outcomes.iter().find_map(|outcome| outcome.err()) {
        return Err(why);
    }
    outcomes.sort_by(|a, b| a.unwrap_or(0.0).total_cmp(&b.unwrap_or(0.0)));
    outcomes.get(outcomes.len() / 2).copied().unwrap_or(Err("not measured"))
}

/// Of each contender, how the job went.
fn compare(job: Job, contenders: &[&Contender], arguments: &Arguments) -> Vec<Outcome> {
    let mut all: Vec<Vec<Outcome>> = contenders.iter().map(|_| Vec::new()).collect();
    let mut spent = vec![Duration::ZERO; contenders.len()];
    for _ in 0..arguments.repetitions {
        for (index, contender) in contenders.iter().enumerate() {
            if spent[index] < LONG_ENOUGH {
                let start = Instant::now();
                all[index].push((contender.measure)(job, arguments.sizes));
                spent[index] += start.elapsed();
            }
        }
    }
    all.into_iter().map(median).collect()
}

fn cell(job: Job, outcome: Outcome, baseline: Option<f64>) -> String {
    match (outcome, job, baseline) {
        (Err(why), _, _) => why.to_owned(),
        (Ok(kept), Job::Kept | Job::KeptTwice, _) => format!("{kept:.0}/5"),
        (Ok(bytes), Job::Idle, _) => format!("{bytes:.0} B"),
        (Ok(figure), _, Some(baseline)) => format!("{:.2} {figure:.0} ns", figure / baseline),
        (Ok(figure), _, None) => format!("{figure:.0} ns"),
    }
}

/// The middle, the least and the most.
fn spread(samples: &[f64]) -> [f64; 3] {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    [sorted[sorted.len() / 2], sorted[0], sorted[sorted.len() - 1]]
}

/// Prints what an event costs in each queue; gives the medians and all samples.
fn through_queues(arguments: &Arguments) -> serde_json::Value {
    let measured = queue::measure(20 * arguments.sizes.tells, arguments.repetitions);
    println!(
        "\nAn event of 32 bytes through a bounded queue, in ns: median [range] of {}.",
        arguments.repetitions
    );
    println!("{:<22}{:<24}{:<24}", "", "by one thread", "from one to another");
    let mut json = serde_json::Map::new();
    for queue::Measured { name, alone, across } in measured {
        let shown = |samples: &[f64]| {
            let [middle, least, most] = spread(samples);
            format!("{middle:.1} [{least:.1}–{most:.1}]")
        };
        println!("{name:<22}{:<24}{:<24}", shown(&alone), shown(&across));
        let figures = serde_json::json!({
            "unit": "ns", "one thread": spread(&alone)[0], "two threads": spread(&across)[0],
            "one thread, all": alone, "two threads, all": across,
        });
        json.insert(name.to_owned(), figures);
    }
    json.into()
}

fn main() {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(2);
        }
    };
    // The panics are part of the job.
    std::panic::set_hook(Box::new(|_| {}));
    let contenders: Vec<&Contender> = CONTENDERS
        .iter()
        .filter(|contender| {
            arguments.names.is_empty()
                || arguments.names.iter().any(|name| contender.name.contains(name.as_str()))
        })
        .collect();
    let mut header = format!("{:<15}", "");
    for contender in &contenders {
        let _ = write!(header, "{:<18}", contender.name);
    }
    if !arguments.jobs.is_empty() {
        println!("{header}");
    }
    let mut results: Vec<(Job, Vec<Outcome>)> = Vec::new();
    for &job in &arguments.jobs {
        let outcomes = compare(job, &contenders, &arguments);
        let raw = contenders.iter().position(|contender| contender.name == raw::Raw::NAME);
        let baseline = raw.and_then(|raw| match results.iter().find(|(done, _)| *done == job.baseline()) {
            Some((_, outcomes)) => outcomes[raw].ok(),
            None => outcomes[raw].ok(),
        });
        let mut line = format!("{:<15}", job.name());
        for outcome in &outcomes {
            let _ = write!(line, "{:<18}", cell(job, *outcome, baseline));
        }
        println!("{}", line.trim_end());
        results.push((job, outcomes));
    }
    if !results.is_empty() {
        println!("\nRatios to {}, medians of {}.", raw::Raw::NAME, arguments.repetitions);
        println!("The mailboxes of ractor and actix have no bound. The topics of tokio, actix and xtra are");
        println!("loops over their addresses. Idle bytes are counted by the allocator.");
    }
    let is_whole = arguments.queues || arguments.jobs.len() == Job::ALL.len();
    let through = is_whole.then(|| through_queues(&arguments));
    if let Some(file) = &arguments.json {
        let mut json: serde_json::Map<String, serde_json::Value> = results
            .iter()
            .map(|(job, outcomes)| {
                let figures: serde_json::Map<String, serde_json::Value> = contenders
                    .iter()
                    .zip(outcomes)
                    .map(|(contender, outcome)| {
                        (
                            contender.name.to_owned(),
                            match outcome {
                                Ok(figure) => serde_json::json!(figure),
                                Err(why) => serde_json::json!({ "none": why }),
                            },
                        )
                    })
                    .collect();
                (job.name().to_owned(), serde_json::json!({ "unit": job.unit(), "medians": figures }))
            })
            .collect();
        if let Some(queues) = through {
            json.insert("queues".to_owned(), queues);
        }
        if let Err(error) = std::fs::write(file, format!("{:#}\n", serde_json::Value::from(json))) {
            eprintln!("{file}: {error}");
            std::process::exit(1);
        }
    }
}
