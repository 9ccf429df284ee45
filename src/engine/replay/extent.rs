use std::path::Path;

use crate::engine::Error;
use crate::journal::log::{Entry, Header, LogInput, Told, build};
use crate::render::Record;
use crate::unit::Frame;

/// What a log holds, as far as one sees without playing it.
#[derive(Clone, Debug)]
pub struct Extent {
    /// What it begins with.
    pub header: Header,
    /// Frames that it says all of.
    pub frames: Frame,
    /// Why it says no more, where it does not come to its end.
    pub breaks_off: Option<String>,
    /// That another program, or another processor, wrote it, and so bits may differ.
    pub is_foreign: Option<String>,
}

impl Extent {
    /// Reads a log from its first byte to its last.
    ///
    /// # Errors
    /// [`Error`] where it cannot be read, or is something else.
    pub fn read(path: &Path) -> Result<Extent, Error> {
        let (mut input, header) = LogInput::open(path)?;
        let mut is_foreign = foreign_machine(&header);
        let (mut frames, mut end) = (0, None);
        let mut breaks_off = None;
        let mine = build();
        while let Some(told) = input.next()? {
            match told {
                Told::Entry(Entry::Progress { frame }) if breaks_off.is_none() => frames = frame,
                Told::Entry(Entry::End { frame }) => end = Some(frame),
                Told::Entry(entry @ Entry::Build { .. })
                    if mine.as_ref().is_some_and(|mine| *mine != entry) =>
                {
                    is_foreign.get_or_insert_with(|| "another build of Antiphon wrote it".to_owned());
                }
                Told::Entry(Entry::Lost { entries }) => {
                    breaks_off.get_or_insert_with(|| format!("{entries} entries found no room"));
                }
                Told::Record(Record::Gap { records, .. }) => {
                    breaks_off.get_or_insert_with(|| format!("{records} events found no room"));
                }
                _ => {}
            }
        }
        if let Some(why) = input.broken() {
            breaks_off.get_or_insert_with(|| why.to_owned());
        }
        match end {
            Some(end) if breaks_off.is_none() => frames = end,
            None => {
                breaks_off.get_or_insert_with(|| "the program that wrote it was ended".to_owned());
            }
            Some(_) => {}
        }
        Ok(Extent { header, frames, breaks_off, is_foreign })
    }
}

fn foreign_machine(header: &Header) -> Option<String> {
    let mine = Header::of_this_machine();
    if header.version != mine.version {
        return Some(format!("Antiphon {} wrote it, and this is {}", header.version, mine.version));
    }
    let machine = |header: &Header| (header.simd.clone(), header.cpu.clone());
    let mine_is = machine(&mine);
    (machine(header) != mine_is)
        .then(|| format!("it was written on another processor ({}), and this is {}", header.cpu, mine.cpu))
}
