package config_test

import (
	"strings"

	"pve-iplease/internal/config"
)

// told renders problems one a line, warnings marked.
func told(problems []config.Problem) string {
	var lines []string
	for _, p := range problems {
		line := p.Error()
		if p.Warning {
			line = "warning: " + line
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
