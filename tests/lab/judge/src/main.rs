//! judge EXPECT.json SERIAL.log CARD.wav SHIFT: measures the notes in the WAV
//! that the emulated sound card wrote, compares the player's own report with
//! what is expected, prints both, and fails when something is off.

mod notes;
mod sounding;
mod words;

use serde_json::Value;
use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [expect, serial, wav, shift] = arguments.as_slice() else {
        eprintln!("usage: judge EXPECT.json SERIAL.log CARD.wav SHIFT");
        return ExitCode::from(2);
    };
    match judge(expect, serial, wav, shift) {
        Ok(complaints) if complaints.is_empty() => ExitCode::SUCCESS,
        Ok(complaints) => {
            for complaint in complaints {
                println!("  wrong: {complaint}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("  wrong: {error}");
            ExitCode::FAILURE
        }
    }
}

fn judge(expect: &str, serial: &str, wav: &str, shift: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let expect: Value = serde_json::from_slice(&std::fs::read(expect)?)?;
    let serial = String::from_utf8_lossy(&std::fs::read(serial)?).into_owned();
    let mut complaints = Vec::new();

    if !serial.contains("lab: the scenario ended with 0\n") {
        complaints.push("what happens inside did not end well".to_owned());
    }
    if expect["report"].is_object() {
        let report = report_in(&serial)?;
        compare_report(&expect["report"], &report, &mut complaints);
        compare_limits(&expect["at_most"], &report, &mut complaints);
        compare_least(&expect["at_least"], &report, &mut complaints);
        if report["callbacks"].is_number() {
            print_load(&report, shift.parse()?);
        }
    }

    let (channels, rate_hertz) = read_channels(wav)?;
    if expect["keys"].is_array() {
        let samples = channels.first().ok_or("the card's WAV has no channel")?;
        compare_notes(&expect, &notes::find(samples, rate_hertz), &mut complaints);
    }
    sounding::compare(&expect, &serial, &channels, rate_hertz, &mut complaints)?;
    words::compare(&expect["lines"], &serial, &mut complaints);
    Ok(complaints)
}

/// The JSON object that the guest printed between its two markers.
fn report_in(serial: &str) -> Result<Value, Box<dyn Error>> {
    let (_, rest) = serial.split_once("==report\n").ok_or("the player's report is missing")?;
    let (report, _) = rest.split_once("==end").ok_or("the player's report is cut off")?;
    Ok(serde_json::from_str(report.trim())
        .map_err(|error| format!("the player's report is not JSON: {error}"))?)
}

/// A field by its name, or by its JSON pointer.
fn field<'a>(report: &'a Value, name: &str) -> &'a Value {
    if name.starts_with('/') { report.pointer(name).unwrap_or(&Value::Null) } else { &report[name] }
}

fn compare_report(expected: &Value, report: &Value, complaints: &mut Vec<String>) {
    for (name, wanted) in expected.as_object().into_iter().flatten() {
        let found = field(report, name);
        let same = match (wanted.as_f64(), found.as_f64()) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => wanted == found,
        };
        if !same {
            complaints.push(format!("{name} is {found}, expected {wanted}"));
        }
    }
}

/// A few periods may be late: the first callback costs some 2.3 million
/// instructions, which is 9 ms on the emulated processor.
fn compare_limits(limits: &Value, report: &Value, complaints: &mut Vec<String>) {
    for (name, limit) in limits.as_object().into_iter().flatten() {
        let found = field(report, name);
        match (limit.as_f64(), found.as_f64()) {
            (Some(limit), Some(found)) if found <= limit => println!("  {name}: {found}, at most {limit}"),
            _ => complaints.push(format!("{name} is {found}, expected at most {limit}")),
        }
    }
}

/// So that a figure cannot be good because nothing was measured.
fn compare_least(limits: &Value, report: &Value, complaints: &mut Vec<String>) {
    for (name, limit) in limits.as_object().into_iter().flatten() {
        let found = field(report, name);
        match (limit.as_f64(), found.as_f64()) {
            (Some(limit), Some(found)) if found >= limit => println!("  {name}: {found}, at least {limit}"),
            _ => complaints.push(format!("{name} is {found}, expected at least {limit}")),
        }
    }
}

/// QEMU's clock is its count of instructions, so times are instructions too.
fn print_load(report: &Value, shift: u32) {
    let instructions_per_us = 1000.0 / f64::from(1u32 << shift);
    // Of `antiphon bench`, what its callbacks took is one part.
    let report = if report["rt"].is_object() { &report["rt"] } else { report };
    let callback = &report["callback_us"];
    let instructions = |name: &str| callback[name].as_f64().map_or(f64::NAN, |us| us * instructions_per_us);
    println!(
        "  {} callbacks of {} frames, {} xruns; instructions in a callback: median {:.0}, p99 {:.0}, max {:.0} of {:.0}",
        report["callbacks"],
        report["block_frames"],
        report["xruns"],
        instructions("median"),
        instructions("p99"),
        instructions("max"),
        instructions("budget"),
    );
}

fn read_channels(path: &str) -> Result<(Vec<Vec<f32>>, f64), Box<dyn Error>> {
    let mut reader = hound::WavReader::open(path)?;
    let spec = reader.spec();
    let mut channels = vec![Vec::new(); usize::from(spec.channels)];
    for (index, sample) in reader.samples::<i16>().enumerate() {
        channels[index % usize::from(spec.channels)].push(f32::from(sample?) / 32768.0);
    }
    Ok((channels, f64::from(spec.sample_rate)))
}

fn compare_notes(expect: &Value, notes: &[notes::Note], complaints: &mut Vec<String>) {
    let keys: Vec<f64> = expect["keys"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    if notes.len() != keys.len() {
        complaints.push(format!("the card played {} notes, expected {}: {notes:?}", notes.len(), keys.len()));
        return;
    }
    let within_cents = expect["within_cents"].as_f64().unwrap_or(3.0);
    let first = notes.first().map_or(0.0, |note| note.onset_seconds);
    for (index, (note, key)) in notes.iter().zip(&keys).enumerate() {
        let wanted_hertz = 440.0 * ((key - 69.0) / 12.0).exp2();
        let cents = 1200.0 * (note.pitch_hertz / wanted_hertz).log2();
        println!(
            "  note {key}: {:.2} Hz ({cents:+.2} cents), {:.4} s after the first, {:.1} dBFS",
            note.pitch_hertz,
            note.onset_seconds - first,
            20.0 * note.rms.log10(),
        );
        if cents.is_nan() || cents.abs() > within_cents {
            complaints.push(format!("note {key} is {cents:.1} cents off"));
        }
        if let Some(wanted) = expect["onsets_seconds"][index].as_f64() {
            let within = expect["onsets_within_seconds"].as_f64().unwrap_or(0.005);
            let off = note.onset_seconds - first - wanted;
            if off.abs() > within {
                complaints.push(format!("note {key} begins {off:+.4} s beside its time"));
            }
        }
    }
}
