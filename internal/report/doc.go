// Package report says what the program does: to a person in the task log of
// Proxmox, and to machines in the systemd journal, which also keeps what
// Proxmox throws away, the output of post-stop. A reader that is gone, and a
// journal that is missing or too slow, change nothing for the program.
package report
