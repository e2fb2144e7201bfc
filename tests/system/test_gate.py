"""The capability gate on a machine without VT-x: the report, on serial line and screen, through every way in."""
# Part in the monitor: none.

import pytest

from vm64lib import paths

SECONDS = 40
REPORT = r"V64GAT801W [^\n]*\n(?:  [^\n]*\n)+V64GAT802A [^\n]*"


@pytest.fixture(scope="module", params=["bios", "uefi"])
def machine(request, boot_once):
    return boot_once(engine="tcg", boot=request.param, ready=None)


def test_report_names_what_is_missing(machine):
    report = machine.expect(REPORT, 60).group().decode()
    assert "VT-x" in report
    assert "what to do" in report


def test_report_is_on_the_screen(machine):
    machine.machine.consumed = 0
    machine.expect(REPORT, 60)
    machine.pause(1)
    shown = machine.screen()
    assert "V64GAT801W VM/64 CANNOT RUN ON THIS MACHINE" in shown
    assert "V64GAT802A" in shown


def test_machine_restarts_when_asked(machine):
    machine.keys(b"r")
    assert machine.machine.wait_end(20), "QEMU ends at a restart (-no-reboot); it still runs"


@pytest.mark.parametrize("medium, boot_by", [("vm64.iso", "bios"), ("vm64.iso", "uefi"), ("vm64-usb.img", "uefi")])
def test_media_start_the_kernel(boot, medium, boot_by):
    if not (paths.BUILD / medium).exists():
        pytest.fail("make iso usb comes first")
    machine = boot(engine="tcg", boot=boot_by, image=paths.BUILD / medium, ready=None)
    machine.expect(REPORT, 60)
