"""Writes MIDI files by mido, and says what mido reads: the other side of tests/midi_files.rs.

write FOLDER   writes some files, and beside each NAME.mid what is in it as NAME.json
read FILE...   prints what is in each, one JSON object a line
"""

import json
import random
import sys

import mido
from mido.midifiles.meta import UnknownMetaMessage


def plain(message):
    """The bytes of a message; of a meta event its kind and data, without their length."""
    data = message.bytes()
    if message.is_meta:
        at = 2
        while data[at] & 0x80:
            at += 1
        data = data[:2] + data[at + 1:]
    return bytes(data).hex()


def described(file):
    tracks = []
    for track in file.tracks:
        tick, events = 0, []
        for message in track:
            tick += message.time
            if message.type != "end_of_track":
                events.append([tick, plain(message)])
        tracks.append({"events": events, "end": tick})
    return {"format": file.type, "division": file.ticks_per_beat, "tracks": tracks}


def random_message(dice):
    channel, seven = dice.randrange(16), lambda: dice.randrange(128)
    kind = dice.randrange(10)
    time = dice.choice([0, 0, 1, 7, 127, 128, 480, 16384, 300000])
    if kind < 3:
        return mido.Message("note_on", channel=channel, note=seven(), velocity=seven(), time=time)
    if kind < 5:
        return mido.Message("note_off", channel=channel, note=seven(), velocity=seven(), time=time)
    if kind == 5:
        return mido.Message("control_change", channel=channel, control=seven(), value=seven(), time=time)
    if kind == 6:
        return mido.Message("pitchwheel", channel=channel, pitch=dice.randrange(-8192, 8192), time=time)
    if kind == 7:
        return mido.Message("program_change", channel=channel, program=seven(), time=time)
    if kind == 8:
        length = dice.choice([0, 1, 5, 127, 128, 1000])
        return mido.Message("sysex", data=[seven() for _ in range(length)], time=time)
    return random_meta(dice, time)


def random_meta(dice, time):
    metas = [
        lambda: mido.MetaMessage("text", text="Straße", time=time),
        lambda: mido.MetaMessage("lyrics", text="la", time=time),
        lambda: mido.MetaMessage("marker", text="", time=time),
        lambda: mido.MetaMessage("set_tempo", tempo=dice.randrange(100_000, 2_000_000), time=time),
        lambda: mido.MetaMessage("time_signature", numerator=7, denominator=8, time=time),
        lambda: mido.MetaMessage("key_signature", key="F#m", time=time),
        lambda: mido.MetaMessage("sequencer_specific", data=(0, 1, 127), time=time),
        lambda: mido.MetaMessage("midi_port", port=3, time=time),
        # mido reads these without their time.
        lambda: UnknownMetaMessage(0x60, data=[200, 1, 2], time=0),
    ]
    return dice.choice(metas)()


def write(folder):
    for seed in range(8):
        dice = random.Random(seed)
        file = mido.MidiFile(type=seed % 2, ticks_per_beat=dice.choice([24, 96, 480, 960, 32767]))
        for number in range(1 if file.type == 0 else dice.randrange(1, 6)):
            track = mido.MidiTrack()
            track.append(mido.MetaMessage("track_name", name=f"Track {number}", time=0))
            track.extend(random_message(dice) for _ in range(dice.choice([0, 1, 300])))
            track.append(mido.MetaMessage("end_of_track", time=dice.choice([0, 960])))
            file.tracks.append(track)
        name = f"{folder}/mido-{seed}"
        file.save(f"{name}.mid")
        with open(f"{name}.json", "w") as out:
            json.dump(described(file), out)


if sys.argv[1] == "write":
    write(sys.argv[2])
else:
    for path in sys.argv[2:]:
        print(json.dumps(described(mido.MidiFile(path, clip=False))))
