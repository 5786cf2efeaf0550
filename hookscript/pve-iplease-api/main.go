// Command pve-iplease-api asks Proxmox's API over HTTPS what pve-iplease sends
// it. It is a program of its own so that the one which runs at every start of
// a container doesn't carry what that takes.
package main

import (
	"os"

	"pve-iplease/internal/pveapi/web"
)

// version is set when a release is built.
var version = "dev"

func main() { os.Exit(web.Main(os.Args[1:], version, os.Stdin, os.Stdout, os.Stderr)) }
