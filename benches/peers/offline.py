#!/usr/bin/env python3
"""Antiphon and its peers render the same job offline, in turn, on this machine.

Two jobs, each of 64 keys that are held from the first frame to the last:

  patch  a saw, a low-pass filter of two poles, an envelope: Antiphon's synth, csound,
         and scsynth, each with the patch written below
  file   one MIDI file: Antiphon's own organ, and FluidSynth's from a sound font. One
         computes it, the other reads samples; it is the musician's job that is the same

What is compared is processor time, start of the program left out: each renders a
short and a long stretch, and the difference counts. Rounds of all are interleaved,
so that what else the machine does falls on all of them. Each WAV is looked at: it
must be as long as it should, and not silent at its end.

    cargo build --release
    python3 benches/peers/offline.py [--rounds 5] [--seconds 30] [--antiphon PROGRAM] [--json FILE]

A peer that is not installed is skipped, and said so. On Debian they are in
csound, supercollider-server, and fluidsynth with fluid-soundfont-gm.
"""

import argparse
import array
import json
import math
import os
import platform
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

RATE = 48_000
VOICES = 64
SHORT = 2
KEYS = range(24, 24 + VOICES)
CUTOFF, ATTACK, DECAY, SUSTAIN, RELEASE = 1_200.0, 0.01, 0.3, 0.7, 0.2
ORGAN = 16
BLOCK = 64
FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")


def hertz(key):
    return 440.0 * 2.0 ** ((key - 69) / 12.0)


def midi_file(path, seconds):
    """All keys at once, at 120 beats a minute, released at the end."""
    track = bytearray([0, 0xC0, ORGAN])
    for key in KEYS:
        track += bytes([0, 0x90, key, 80])
    ticks, length = seconds * 2 * 480, bytearray()
    while True:
        length.insert(0, (ticks & 0x7F) | (0x80 if length else 0))
        ticks >>= 7
        if ticks == 0:
            break
    for index, key in enumerate(KEYS):
        track += (bytes(length) if index == 0 else b"\0") + bytes([0x80, key, 64])
    track += b"\0\xff\x2f\0"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480)
    path.write_bytes(header + b"MTrk" + struct.pack(">I", len(track)) + bytes(track))


class Antiphon:
    """`antiphon render`, on one thread; through the output's limiter as always."""

    def __init__(self, program, sound):
        self.program, self.sound = program, sound

    def version(self):
        return first_line([self.program, "--version"])

    def command(self, folder, seconds, out):
        rig, midi = folder / "rig.toml", folder / "keys.mid"
        rig.write_text(
            f"midi.keys.in = '*'\n[instrument.lead]\nkind = 'synth'\nvoices = {VOICES}\nprograms = 'ignore'\n"
            f"gain = -24.0\n{self.sound}\n[[cable]]\nfrom = 'keys'\nto = 'lead'\n[[cable]]\nfrom = 'lead'\nto = 'out'\n"
        )
        midi_file(midi, seconds)
        return [self.program, "render", rig, "--midi", midi, "--rate", str(RATE), "--block", str(BLOCK),
                "--bits", "16", "--for", str(seconds), "-o", out]


PATCH = (f"preset = 'init'\nwave = 'saw'\ncutoff_hertz = {CUTOFF}\nattack_seconds = {ATTACK}\n"
         f"decay_seconds = {DECAY}\nsustain = {SUSTAIN}\nrelease_seconds = {RELEASE}\n")


class Csound:
    """vco2, zdf_2pole and linsegr, in blocks of 64 frames."""

    def __init__(self, program):
        self.program = program

    def version(self):
        return next((line for line in lines([self.program, "--version"]) if "ersion" in line), "")

    def command(self, folder, seconds, out):
        csd = folder / "patch.csd"
        notes = "\n".join(f"i 1 0 {seconds} {hertz(key):.6f}" for key in KEYS)
        csd.write_text(f"""<CsoundSynthesizer>
<CsInstruments>
sr = {RATE}
ksmps = {BLOCK}
nchnls = 2
0dbfs = 1
instr 1
  asaw vco2 0.01, p4
  alow zdf_2pole asaw, {CUTOFF}, 0.7071, 0
  aenv linsegr 0, {ATTACK}, 1, {DECAY}, {SUSTAIN}, {RELEASE}, 0
  asig = alow * aenv
  outs asig, asig
endin
</CsInstruments>
<CsScore>
{notes}
e {seconds}
</CsScore>
</CsoundSynthesizer>
""")
        return [self.program, "-W", "-s", "-d", "-m0", "-o", out, csd]


class Scsynth:
    """Saw.ar, RLPF.ar and EnvGen.ar, in blocks of 64 frames, without realtime (-N)."""

    def __init__(self, program):
        self.program = program

    def version(self):
        return first_line([self.program, "-v"])

    def command(self, folder, seconds, out):
        score = folder / "score.osc"
        messages = [osc("/d_recv", synth_definition())]
        messages += [osc("/s_new", "held", 1_000 + key, 0, 0, "freq", hertz(key)) for key in KEYS]
        score.write_bytes(bundle(0, messages) + bundle(seconds, [osc("/c_set", 0, 0.0)]))
        return [self.program, "-N", score, "_", out, str(RATE), "WAV", "int16", "-o", "2", "-z", str(BLOCK)]


class Fluidsynth:
    """Its drawbar organ, without reverb and chorus."""

    def __init__(self, program):
        self.program = program

    def version(self):
        return next((line for line in lines([self.program, "--version"]) if "ersion" in line), "")

    def command(self, folder, seconds, out):
        midi = folder / "keys.mid"
        midi_file(midi, seconds)
        return [self.program, "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.1", "-r", str(RATE), "-T", "wav",
                "-O", "s16", "-F", out, FONT, midi]


def osc(address, *values):
    """An OSC 1.0 message."""
    def padded(data):
        return data + b"\0" * (-len(data) % 4)

    tags, body = ",", b""
    for value in values:
        if isinstance(value, str):
            tags, body = tags + "s", body + padded(value.encode() + b"\0")
        elif isinstance(value, bytes):
            tags, body = tags + "b", body + struct.pack(">I", len(value)) + padded(value)
        elif isinstance(value, float):
            tags, body = tags + "f", body + struct.pack(">f", value)
        else:
            tags, body = tags + "i", body + struct.pack(">i", value)
    return padded(address.encode() + b"\0") + padded(tags.encode() + b"\0") + body


def bundle(seconds, messages):
    """A bundle of a score, with its length before it."""
    content = b"#bundle\0" + struct.pack(">II", seconds, 0)
    content += b"".join(struct.pack(">I", len(message)) + message for message in messages)
    return struct.pack(">I", len(content)) + content


def synth_definition():
    """The patch in SuperCollider's file format, version 2 (its manual, "Synth Definition
    File Format")."""
    constants, units = [], []

    def constant(value):
        if value not in constants:
            constants.append(value)
        return (-1, constants.index(value))

    def unit(name, rate, inputs, outputs=1, special=0):
        units.append((name, rate, [i if isinstance(i, tuple) else constant(float(i)) for i in inputs],
                      outputs, special))
        return (len(units) - 1, 0)

    control, audio, times = 1, 2, 2
    freq = unit("Control", control, [])
    saw = unit("Saw", audio, [freq])
    low = unit("RLPF", audio, [saw, CUTOFF, 1.414])
    curve = [5, -4]
    envelope = unit("EnvGen", audio, [1, 0.01, 0, 1, 0, 0, 3, 2, -99, 1, ATTACK, *curve,
                                      SUSTAIN, DECAY, *curve, 0, RELEASE, *curve])
    signal = unit("BinaryOpUGen", audio, [low, envelope], special=times)
    unit("Out", audio, [0, signal, signal], outputs=0)

    def name(text):
        return bytes([len(text)]) + text.encode()

    body = name("held") + struct.pack(">i", len(constants))
    body += struct.pack(f">{len(constants)}f", *constants)
    body += struct.pack(">if", 1, 440.0) + struct.pack(">i", 1) + name("freq") + struct.pack(">i", 0)
    body += struct.pack(">i", len(units))
    for text, rate, inputs, outputs, special in units:
        body += name(text) + struct.pack(">biih", rate, len(inputs), outputs, special)
        body += b"".join(struct.pack(">ii", *place) for place in inputs) + bytes([rate] * outputs)
    return b"SCgf" + struct.pack(">ih", 2, 1) + body + struct.pack(">h", 0)


def lines(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]


def first_line(command):
    return next(iter(lines(command)), "")


def audio_seconds(path, expected):
    """The length of a WAV, which must be about as long as it should and end in sound."""
    with wave.open(str(path)) as wav:
        frames = wav.getnframes()
        if (wav.getframerate(), wav.getsampwidth()) != (RATE, 2):
            raise SystemExit(f"{path}: not 16 bit at {RATE} Hz")
        wav.setpos(int((expected - 1) * RATE))
        samples = array.array("h", wav.readframes(RATE // 2))
    if not expected <= frames / RATE < expected + 5:
        raise SystemExit(f"{path}: {frames} frames, not {expected} s")
    if max(abs(sample) for sample in samples) < 100:
        raise SystemExit(f"{path}: silent at its end")
    return frames / RATE


def timed(peer, folder, seconds):
    """Processor time of a render, and the seconds of sound it made."""
    out = folder / "out.wav"
    out.unlink(missing_ok=True)
    command = [str(word) for word in peer.command(folder, seconds, out)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if not out.exists():
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, audio_seconds(out, seconds)


def voices_per_core(peer, folder, seconds):
    short, long = timed(peer, folder, SHORT), timed(peer, folder, SHORT + seconds)
    spent = long[0] - short[0]
    # Loading a sound font may take longer than playing it for a second.
    return VOICES * (long[1] - short[1]) / spent if spent > 0 else math.nan


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def spread(samples, digits):
    told = [sample for sample in samples if not math.isnan(sample)]
    if not told:
        return "too short to tell"
    return f"{statistics.median(told):.{digits}f} [{min(told):.{digits}f}–{max(told):.{digits}f}]"


def main():
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=30, help="of sound that count")
    parser.add_argument("--antiphon", default=root / "target/release/antiphon", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not arguments.antiphon.exists():
        raise SystemExit(f"{arguments.antiphon}: not there; cargo build --release")
    jobs = {
        "patch": [("Antiphon", Antiphon(arguments.antiphon, PATCH))],
        "file": [("Antiphon", Antiphon(arguments.antiphon, "preset = 'organ'\n"))],
    }
    for job, name, program, peer, is_ready in [
        ("patch", "Csound", "csound", Csound, True),
        ("patch", "scsynth", "scsynth", Scsynth, True),
        ("file", "FluidSynth", "fluidsynth", Fluidsynth, FONT.exists()),
    ]:
        found = shutil.which(program)
        if found and is_ready:
            jobs[job].append((name, peer(found)))
        else:
            print(f"{name}: not installed, skipped", file=sys.stderr)
    result = {"processor": processor(), "processors": os.cpu_count(), "kernel": platform.release(),
              "rounds": arguments.rounds, "seconds": arguments.seconds, "voices": VOICES, "jobs": {}}
    print(f"{result['processor']}, {result['processors']} processors, Linux {result['kernel']}; "
          f"{VOICES} keys held, {RATE} Hz, blocks of {BLOCK}; {arguments.rounds} interleaved rounds\n")
    print("| job | program | voices per core, median [range] | Antiphon against it |")
    print("|---|---|---|---|")
    for job, peers in jobs.items():
        samples = {name: [] for name, _ in peers}
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(max(1, arguments.rounds)):
                for name, peer in peers:
                    samples[name].append(voices_per_core(peer, Path(folder), max(1, arguments.seconds)))
        for name, peer in peers:
            ratios = [ours / theirs for ours, theirs in zip(samples["Antiphon"], samples[name])]
            against = "" if name == "Antiphon" else f"{spread(ratios, 2)} ×"
            print(f"| {job} | {name} | {spread(samples[name], 0)} | {against} |", flush=True)
            result["jobs"].setdefault(job, {})[name] = {"version": peer.version(), "voices_per_core": samples[name]}
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
