"""scripts/vm64 and scripts/setup themselves: arguments, scripts, exit codes, and that nothing is left behind."""
# Part in the monitor: none.

import argparse
import gzip
import os
import pathlib
import re
import signal
import struct
import subprocess
import time

import pytest

from vm64lib import engines, grubcd, guestfiles, images, paths, script, trial

SECONDS = 10
VM64 = str(paths.ROOT / "scripts" / "vm64")


def vm64(*words, seconds=120):
    return subprocess.run([VM64] + [str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=seconds, check=False, text=True)


@pytest.mark.parametrize("words", [
    ["run", "--engine", "none"], ["run", "--boot", "floppy"], ["run", "--memory", "some"],
    ["run", "--script", "/nonexistent"], ["run", "--directory", "/nonexistent"], ["run", "--timeout", "-3"],
    ["try"], ["try", "/nonexistent"], ["try", "/dev/null", "--until", "("], ["try", VM64, "--storage", "lots"],
    ["try", VM64, "--initrd", "/nonexistent"], ["bench", "--fast"], ["nothing"], [],
])
def test_bad_arguments_end_with_2(words):
    done = vm64(*words)
    assert done.returncode == 2
    assert done.stderr


@pytest.mark.parametrize("line", ["@expect", "@expect (", "@pause", "@pause soon", "@key XYZ", "@unknown"])
def test_bad_scripts_end_with_2_and_name_the_line(tmp_path, line):
    file = tmp_path / "script"
    file.write_text("@pause 1\n" + line + "\n")
    done = vm64("run", "--script", file)
    assert done.returncode == 2
    assert ":2: " in done.stderr


def test_script_grammar():
    steps = script.parse("@# no\n@expect A  B$ 5\n@expect C 1.5\n@expect D\n@@x\n#CP\n\n@type  y\n@key 1d\n@pause 2\n", "s")
    patterns = [(step[1][0].pattern, step[1][1]) for step in steps[:3]]
    assert patterns == [(b"A  B$", 5.0), (b"C", 1.5), (b"D", 60.0)]
    assert steps[3:] == [("line", "@x"), ("line", "#CP"), ("line", ""), ("bytes", b"y"), ("bytes", b"\x1d"),
                         ("pause", 2.0)]


def test_files_named_by_a_directory():
    text = "USER A A 1M 1M G\n ipl one.bin BOOT\n* IPL no\n INITRD two\nUSER B B 1M 1M G\nIPL one.bin PARM x\n"
    assert images.files_named(text) == ["one.bin", "two"]
    text = ("USER A A 1M\n IPL 190 UEFI\n MDISK 0190 RAM bad\n MDISK 190 RAM disk.img RR\n LINK B 191\nUSER B B 1M\n"
            " IPL 192\n LINK A 190 192 RR\n MDISK 191 ram cd.iso CD\n MDISK 193 3330 1 2 V\nUSER C C 1M\n IPL 190\n")
    assert images.files_named(text) == ["bad", "disk.img", "cd.iso", "190"]


def test_firmware_that_a_directory_asks_for():
    assert images.firmware_files("USER A A 1M\n IPL one.bin FLAT\n IPL vmlinuz LINUX PARM x\n INITRD y\n") == {}
    bios, uefi = {"seabios.bin", "vgabios.bin"}, {"ovmf-code.fd", "ovmf-vars.fd"}
    for text, files in ((" IPL 190", bios), ("ipl 19f bios", bios), ("IPL a.bin BOOT", bios), ("IPL a.img DISK", bios),
                        ("IPL a.iso CD", bios), ("IPL 190 UEFI", uefi), ("IPL ovmf-code.fd FIRMWARE", uefi),
                        ("IPL my.fd FIRMWARE", {"vgabios.bin"})):
        assert set(images.firmware_files(text)) == files, text


def trial_options(**given):
    options = dict(image=None, kind=None, initrd=None, append="", disk=[], cdrom=[], bus=None, firmware="bios", net=False,
                   debug_exit=False, debugcon=False, triple_reset=False, no_screen=False, storage="64M", grub=False, module=[])
    return argparse.Namespace(**{**options, **given})


def test_try_writes_the_directory_for_each_kind_of_file(tmp_path):
    def file(name, size, *parts):
        data = bytearray(size)
        for at, piece in parts:
            data[at:at + len(piece)] = piece
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    signature = (510, b"\x55\xaa")
    linux = file("linux", 4096, signature, (0x202, b"HdrS"))
    disk = file("disk", 1 << 20, signature)
    disc = file("disc", 65536, signature, (0x8001, b"CD001"))
    flash = file("flash", 4096, (0x28, b"_FVH"))
    sector = file("sector", 512, signature)
    rom = file("rom", 65536, (65520, b"\xfa\xfc\xe9\x0b\xf8\xff\xff"))
    for options, lines in (
            (dict(image=linux, append="a  b", initrd=disk, disk=[disk], net=True),
             ["IPL image PARM a  b", "MDISK 190 RAM disk0 WR VIRTIO", "INITRD initrd", "SPECIAL 600 NET"]),
            (dict(image=disk, cdrom=[disc]), ["IPL 190 BIOS", "MDISK 190 RAM image WR ATA", "MDISK 191 RAM cd0 RR CD"]),
            (dict(image=disc, firmware="uefi", disk=[disk], bus="virtio"),
             ["IPL 190 UEFI", "MDISK 190 RAM image RR CD", "MDISK 191 RAM disk0 WR VIRTIO"]),
            (dict(image=disc, kind="DISK"), ["IPL 190 BIOS", "MDISK 190 RAM image WR ATA"]),
            (dict(image=flash), ["IPL image FIRMWARE"]),
            (dict(image=rom), ["IPL image FIRMWARE"]),
            (dict(image=sector, debug_exit=True, debugcon=True, triple_reset=True, no_screen=True),
             ["IPL image", "OPTION DEBUGEXIT", "OPTION DEBUGCON", "OPTION TRIPLERESET", "OPTION NOSCREEN"]),
            (dict(image=sector, kind="FLAT"), ["IPL image FLAT"]),
            (dict(cdrom=[disc]), ["IPL 190 BIOS", "MDISK 190 RAM cd0 RR CD"]),
            (dict(firmware="uefi"), ["IPL ovmf-code.fd FIRMWARE"])):
        text, files = guestfiles.plan(trial_options(**options))
        assert [line[1:] for line in text.splitlines()[5:]] == lines
        assert set(files) <= set(images.files_named(text))
    for options in (dict(), dict(image=disc, append="x"), dict(image=flash, initrd=disk, kind="CD")):
        with pytest.raises(paths.Problem):
            guestfiles.plan(trial_options(**options))


def test_try_unpacks_and_has_grub_start_what_needs_a_bios(tmp_path):
    def file(name, data):
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    def linux(version):
        return bytes(510) + b"\x55\xaa\xeb\x66HdrS" + version.to_bytes(2, "little") + bytes(4096)

    first = struct.pack("<3I", 0x1BADB002, 3, -(0x1BADB002 + 3) & 0xFFFFFFFF)
    for head, texts, commands in (
            (linux(0x20F), [""], ["linux16 /image 'a' 'b'", "initrd16 /module0"]),
            (bytes(8) + first, ["", "c=d"], ["multiboot /image 'a' 'b'", "module /module0", "module /module1 'c=d'"]),
            (bytes(9) + first, [""], ["multiboot2 /image 'a' 'b'", "module2 /module0"])):
        assert grubcd.commands(head, "a b", texts) == commands + ["boot"]
    for version, old in ((0x203, True), (0x207, True), (0x208, False), (0x20F, False)):
        assert grubcd.needs_bios(file("linux", linux(version))) is old
    new = file("linux.gz", gzip.compress(linux(0x20F)))
    options = guestfiles.prepare(trial_options(image=new, append="x"), tmp_path)
    assert pathlib.Path(options.image).read_bytes() == linux(0x20F) and options.append == "x"
    assert guestfiles.plan(options)[0].splitlines()[5] == " IPL image PARM x"
    with pytest.raises(paths.Problem):
        guestfiles.prepare(trial_options(image=file("cut.gz", gzip.compress(bytes(100))[:-9])), tmp_path)
    old = guestfiles.prepare(trial_options(image=file("old", linux(0x203)), initrd=new, append="x"), tmp_path)
    assert guestfiles.kind_of(old.image) == "CD"
    assert guestfiles.plan(old)[0].splitlines()[5] == " IPL 190 BIOS"
    for given in (dict(), dict(image=old.image), dict(image=new, firmware="uefi")):
        for how in (dict(grub=True), dict(module=["x"])):
            with pytest.raises(paths.Problem):
                guestfiles.check(trial_options(**how, **given))


def test_try_looks_behind_terminal_control():
    output = trial.GuestOutput(lambda text: None, re.compile("^grub rescue> $", re.M))
    output.feed("DMKCPI966I Initialization complete\n\x1bc\x1b[?7l\x1b[2J\x1b[0;30;47merror\n\x1b[0")
    output.feed("mgrub \x1b")
    output.feed("[1mrescue> ")
    output.look(True)
    assert output.found and output.guest == "error\ngrub rescue> "


def test_try_ends_well_by_isa_debug_exit():
    output = trial.GuestOutput(lambda text: None)
    output.feed("DMKCPI966I Initialization complete\nV64DSP468I GUEST ENDED BY ISA-DEBUG-EXIT, CODE 33\n")
    assert output.end == (True, "V64DSP468I GUEST ENDED BY ISA-DEBUG-EXIT, CODE 33")


def test_try_goes_on_after_a_warning(capfd):
    output = trial.GuestOutput(lambda text: None)
    output.feed("V64LOG706W GUEST 190 FILE image IS NO MULTIPLE OF 512 BYTES; 509 ZEROS FOLLOW ITS END\n")
    output.feed("DMKCPI966I Initialization complete\n")
    assert output.end is None and "CP says: V64LOG706W" in capfd.readouterr().err
    output.feed("V64LOG705E GUEST 191 NOT LINKED; FILE disk0 IS EMPTY\n")
    assert output.end and not output.end[0]


def test_try_tells_guest_from_cp():
    shown = []
    output = trial.GuestOutput(shown.append, re.compile("wanted$", re.M))
    output.feed("Booting\r\nDMKCPI966I Initialization complete\r\nD")
    assert "".join(shown) == ""
    output.feed("MESG\r\nlogin")
    assert "".join(shown) == "DMESG\nlogin"
    output.feed(": \r\nDMKDS")
    assert "".join(shown) == "DMESG\nlogin: \n"
    assert not output.found and output.end is None
    output.feed("P453W CP ENTERED; TRIPLE FAULT\r\nwanted\r\n")
    output.look(True)
    assert "".join(shown) == "DMESG\nlogin: \n"
    assert output.end == (False, "DMKDSP453W CP ENTERED; TRIPLE FAULT")
    assert not output.found


def test_try_finds_its_regex_in_an_unfinished_line():
    output = trial.GuestOutput(lambda text: None, re.compile("# $", re.M))
    output.feed("DMKCPI966I Initialization complete\n/ # ")
    output.still()
    assert not output.found
    output.feed("x\n/ # ")
    output.still()
    assert not output.found
    time.sleep(0.4)
    output.still()
    assert output.found


def test_probe_says_what_tcg_lacks():
    assert "no VT-x" in engines.kvm_refusal("tcg", "max")


def children(pid):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def runs_qemu(pid):
    try:
        return "qemu" in os.readlink("/proc/%d/exe" % pid)
    except OSError:
        return False        # it has ended meanwhile


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_emulator_outlives_the_runner(tmp_path, how):
    file = tmp_path / "script"
    file.write_text("@expect NEVER COMES 500\n")
    environment = dict(os.environ, TMPDIR=str(tmp_path))
    runner = subprocess.Popen([VM64, "run", "--engine", "tcg", "--boot", "bios", "--script", str(file)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=environment)
    try:
        until = time.monotonic() + 30
        while not any(runs_qemu(child) for child in children(runner.pid)):
            assert time.monotonic() < until, "no emulator was started"
            time.sleep(0.1)
        emulators = children(runner.pid)
        runner.send_signal(how)
        status = runner.wait(20)
        assert status == (-how if how == signal.SIGKILL else 128 + how)
        until = time.monotonic() + 5
        while any(alive(pid) for pid in emulators):
            assert time.monotonic() < until, "the emulator lives on"
            time.sleep(0.1)
        if how != signal.SIGKILL:
            assert [path for path in tmp_path.iterdir() if path != file] == []
    finally:
        runner.kill()
        runner.wait()


def alive(pid):
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_timeout_ends_a_run_with_1(tmp_path):
    file = tmp_path / "script"
    file.write_text("@expect NEVER COMES 500\n")
    begin = time.monotonic()
    done = vm64("run", "--engine", "tcg", "--boot", "bios", "--script", file, "--timeout", "3")
    assert done.returncode == 1
    assert "time" in done.stderr
    assert time.monotonic() - begin < 30


def test_setup_has_nothing_to_say_when_nothing_is_missing():
    done = subprocess.run([paths.ROOT / "scripts" / "setup", "test", "--check"], capture_output=True, text=True,
                          check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
