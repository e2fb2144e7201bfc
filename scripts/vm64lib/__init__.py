"""What scripts/vm64 and the system tests share: images, emulators, one running machine, scripts, measurements."""
# Part in the monitor: none.
