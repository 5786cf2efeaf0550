// Package evidence answers who has an address. Collectors gather what the
// ledger, the guests' configs, the kernel, DHCP servers and the wire say, each
// beside the others and each failing softly; then pure functions judge: Judge
// one address, Audit everything that disagrees. Commands only print.
package evidence
