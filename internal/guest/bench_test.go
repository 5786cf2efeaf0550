package guest

import (
	"os"
	"testing"

	"pve-iplease/internal/pve"
)

// BenchmarkUses is what each start of a container does once for every guest
// of the cluster: read a config and list the addresses it names.
func BenchmarkUses(b *testing.B) {
	for _, sample := range []string{"01-minimal", "23-ip-variants", "02-comments-snapshots"} {
		data, err := os.ReadFile("testdata/corpus/" + sample + ".conf")
		if err != nil {
			b.Fatal(err)
		}
		b.Run(sample, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				c := Parse(pve.Container, data)
				if len(c.Uses(100)) == 0 || len(c.MACs()) == 0 || c.Template() || c.Hookscript() == "" {
					b.Fatal("the sample names an address")
				}
			}
		})
	}
}
