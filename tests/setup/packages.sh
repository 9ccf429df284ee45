#!/bin/sh
# Puts the system packages in place that one job needs: play, test, lab, deep, or gate for all of them.
#
# Debian and Ubuntu: installs what is missing, after saying what and why; silent when
# nothing is. Fedora, Arch: prints the command instead. macOS and Windows need none.
set -eu

job=${1:-play}

command -v cargo >/dev/null 2>&1 || {
    echo "Antiphon is built with Rust, and 'cargo' is not on the PATH." >&2
    echo "Get it from https://rustup.rs, open a new terminal, and run the same command again." >&2
    exit 1
}

# One line each: how much it matters, the package, why. Without a `must` nothing can be built
# or run; without a `test` some tests say that they were skipped.
needs() {
    echo "must pkg-config          finds the two libraries below"
    echo "must gcc                 links the program"
    echo "must libasound2-dev      ALSA: sound cards and MIDI ports"
    echo "must libjack-jackd2-dev  JACK's header (jack.pc); the JACK server itself stays optional"
    case $job in test | lab | gate)
        echo "test jackd2              a real JACK server, and its own recording and latency clients"
        # Newer releases have JACK's clients in a package of their own.
        apt-cache show jack-example-tools >/dev/null 2>&1 &&
            echo "test jack-example-tools  jack_rec, jack_iodelay, jack_midi_latency_test"
    esac
    case $job in test | gate)
        echo "test pulseaudio          a real PulseAudio server"
        echo "test pulseaudio-utils    parec, which records that server independently"
        echo "test python3-venv        mido and JACK-Client, independent peers in Python"
        echo "test strace              sees what the audio thread asks of the kernel"
        echo "test libasound2-plugins  the way from ALSA to PulseAudio"
        echo "test chromium            opens the page of bench --html"
    esac
    case $job in deep | gate)
        echo "must g++                 builds libFuzzer"
        echo "test valgrind            counts the instructions of the hot paths"
    esac
    case $job in lab | gate)
        echo "must qemu-system-x86     the emulated PC"
        echo "must busybox-static      its user land"
        echo "must cpio                packs its first disk"
        echo "must kmod                reads the kernel's module dependencies"
        echo "must alsa-utils          the independent player and mixer inside it"
        echo "must libasound2-data     ALSA's configuration, copied into it"
    esac
}

installed() {
    case $1 in
        # Another package may give the same library: libjack-dev, PipeWire's own.
        libjack-jackd2-dev) pkg-config --exists jack 2>/dev/null && return 0 ;;
        libasound2-dev) pkg-config --exists alsa 2>/dev/null && return 0 ;;
        pkg-config) command -v pkg-config >/dev/null 2>&1 && return 0 ;;
        g++) command -v c++ >/dev/null 2>&1 && return 0 ;;
        gcc) command -v cc >/dev/null 2>&1 && return 0 ;;
        # On a desktop whose PulseAudio is PipeWire, a second server would push the first out.
        pulseaudio) installed pipewire-pulse && return 0 ;;
    esac
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

on_debian() {
    missing=$(needs | while read -r weight package why; do
        installed "$package" || echo "$weight $package $why"
    done)
    [ -n "$missing" ] || return 0

    echo "To $job, Antiphon needs these system packages, which are not there yet:"
    echo "$missing" | while read -r weight package why; do printf '  %-20s %s\n' "$package" "$why"; done
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        as_root=sudo
        command -v sudo >/dev/null 2>&1 || { echo "Install them as root, then run this again." >&2; exit 1; }
        echo "Installing them with sudo, which may ask for your password."
    fi
    # Never push a musician's own sound server off the machine; a test machine is nobody's.
    keep=--no-remove
    [ "${CI:-}" != true ] || keep=
    install="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 --no-install-recommends $keep install"
    $as_root apt-get -qq update || echo "The package lists could not be refreshed; going on with those that are there." >&2
    # shellcheck disable=SC2086,SC2046  # words on purpose
    $install $(echo "$missing" | cut -d' ' -f2) >/dev/null && return 0
    echo "Not all of them could be installed together; trying one by one."
    echo "$missing" | {
        failed=0
        while read -r weight package why; do
            $install "$package" >/dev/null </dev/null && continue
            if [ "$weight" = must ]; then
                echo "  $package could not be installed, and it is needed." >&2
                failed=1
            else
                echo "  $package could not be installed: tests that need it will say that they were skipped." >&2
            fi
        done
        return $failed
    }
}

# Whether the libraries are there already; the command is printed only when they are not.
suggest() {
    pkg-config --exists alsa jack 2>/dev/null && [ "$job" != lab ] && return 0
    [ "$job" = lab ] && command -v qemu-system-x86_64 >/dev/null 2>&1 && return 0
    echo "If the build or the tests miss something, install what Antiphon needs to $job:"
    echo "  $1"
}

case $(uname -s) in
    Linux)
        if [ -e /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; then
            on_debian
        elif [ -e /etc/fedora-release ]; then
            case $job in
                play | deep) suggest "sudo dnf install gcc pkgconf-pkg-config alsa-lib-devel pipewire-jack-audio-connection-kit-devel" ;;
                test) suggest "sudo dnf install gcc pkgconf-pkg-config alsa-lib-devel jack-audio-connection-kit-devel jack-audio-connection-kit-example-clients pulseaudio-utils" ;;
                lab) suggest "sudo dnf install qemu-system-x86-core busybox cpio kmod alsa-utils dpkg" ;;
            esac
        elif [ -e /etc/arch-release ]; then
            case $job in
                play | deep) suggest "sudo pacman -S --needed gcc pkgconf alsa-lib jack2" ;;
                test) suggest "sudo pacman -S --needed gcc pkgconf alsa-lib jack2 jack-example-tools alsa-plugins libpulse" ;;
                lab) suggest "sudo pacman -S --needed qemu-system-x86 busybox cpio kmod alsa-utils dpkg" ;;
            esac
        else
            suggest "a C compiler, pkg-config, and the development files of ALSA (alsa.pc) and JACK (jack.pc)"
        fi
        ;;
    Darwin)
        [ "$job" != play ] || xcode-select -p >/dev/null 2>&1 ||
            echo "Antiphon needs Apple's command line tools: xcode-select --install"
        ;;
esac
