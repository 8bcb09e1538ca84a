"""What happens when the machine does not play along: kills, Ctrl-C, full disks, two at once."""
