package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pve-iplease/internal/config"
)

func BenchmarkParse20Pools(b *testing.B) {
	var text strings.Builder
	for i := range 20 {
		fmt.Fprintf(&text, "pool: p%d\n\tbridge vmbr0\n\tnodes pve1,pve2\n\tsubnet 10.0.0.0/8\n\tgateway 10.0.0.1\n"+
			"\trange 10.%d.0.0/16\n\texclude 10.%d.0.219\n\nreservation: 10.%d.0.9\n\tguest %d\n\n", i, i, i, i, 100+i)
	}
	data := []byte(text.String())
	for b.Loop() {
		if c, problems := config.Parse("pools.cfg", data); len(c.Pools) != 20 || len(problems) > 0 {
			b.Fatal(len(c.Pools), problems)
		}
	}
}

func BenchmarkParsePhoenix(b *testing.B) {
	data, err := os.ReadFile(filepath.Join("testdata", "phoenix_hypervisor_config.json"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if c, _ := config.Parse("p.json", data); len(c.Pools) != 1 {
			b.Fatal(c)
		}
	}
}
