// Package ui is what a terminal, a pipe and a page are written with: tables,
// wrapped text, progress, JSON and HTML. It knows nothing of leases.
package ui
